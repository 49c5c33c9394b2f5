import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import supertest from 'supertest';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../../tools/free-port.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { newKeys, proofFor } from '../../support/page.ts';
import { startProgram } from '../../support/program.ts';
import { ROOT } from '../../support/site.ts';
import { ANN, PASSWORD, PHONE } from '../../support/world.ts';

const NGINX = ['/usr/sbin/nginx', 'nginx'].find((path) => spawnSync(path, ['-v']).status === 0);
if (NGINX === undefined) console.log('There is no nginx here, so its test is skipped.');

/** The example of docs/operations.md, with the ports of this test. */
function example(programPort: number, wikiPort: number): string {
  const text = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
  const [, block = ''] = /```nginx\n([\s\S]*?)```/.exec(text) ?? [];
  return block
    .replaceAll('127.0.0.1:5000', `127.0.0.1:${programPort}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${wikiPort}`);
}

/** Starts nginx with the example and the program behind it. Returns its origin. */
async function startNginx(port: number, programPort: number, wikiPort: number): Promise<void> {
  const folder = temporaryFolder();
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events {}
http { access_log off; ${paths.join(' ')}
server { listen 127.0.0.1:${port}; absolute_redirect off;
location / { proxy_pass http://127.0.0.1:${programPort}; proxy_set_header Host $http_host; }
${example(programPort, wikiPort)}
} }`,
  );
  const nginx = spawn(NGINX ?? '', ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')]);
  onTestFinished(() => void nginx.kill());
  let printed = '';
  nginx.stderr.setEncoding('utf8').on('data', (chunk) => {
    printed += chunk;
  });
  await vi.waitFor(
    () =>
      new Promise<void>((resolve, reject) => {
        const socket = createConnection(port, '127.0.0.1', () => resolve(void socket.destroy()));
        socket.on('error', () => reject(new Error(`nginx does not listen: ${printed}`)));
      }),
    { timeout: 10_000 },
  );
}

/** Starts the program behind nginx that keeps the headers of each request. */
async function startWiki(port: number): Promise<IncomingHttpHeaders[]> {
  const seen: IncomingHttpHeaders[] = [];
  const wiki = createServer(({ headers }, response) => {
    seen.push(headers);
    response.end('wiki');
  });
  onTestFinished(() => void wiki.close());
  await new Promise<void>((resolve) => wiki.listen(port, '127.0.0.1', resolve));
  return seen;
}

test.skipIf(NGINX === undefined)(
  'nginx lets only signed-in users pass, under their own name, whatever Remote-User a visitor sends',
  async () => {
    const [port, wikiPort] = [await freePort(), await freePort()];
    const origin = `http://127.0.0.1:${port}`;
    const program = await startProgram({ PUBLIC_ORIGIN: origin, HOST: '127.0.0.1' });
    const seen = await startWiki(wikiPort);
    await startNginx(port, program.port, wikiPort);
    const forged = {
      'Remote-User': 'root@example.com',
      'Remote-Name': 'Root',
      'X-Forwarded-Uri': '/admin',
      Accept: 'text/html',
    };

    const stranger = await supertest(origin).get('/wiki/page').set(forged);
    expect([stranger.status, stranger.headers.location, seen.length]).toEqual([303, '/?next=/wiki/', 0]);

    const ann = supertest.agent(origin);
    const post = (path: string, fields: Record<string, string>) => ann.post(path).type('form').send(fields);
    const { salt, kdf } = (await post('/getseed', { username: ANN })).body;
    await post('/signup', {
      email: ANN,
      fname: 'Ann',
      lname: 'Lee',
      phoneno: PHONE,
      salt,
      kdf,
      ...newKeys(PASSWORD, salt),
    });
    const { body } = await post('/getseed', { username: ANN });
    const { id, nonce, proof } = proofFor(PASSWORD, ANN, body);
    expect((await post('/login', { username: ANN, id, nonce, proof })).status).toBe(200);

    expect((await ann.get('/wiki/page').set(forged)).text).toBe('wiki');
    expect((await ann.post('/wiki/page').set(forged).send('a body')).text).toBe('wiki');
    expect(seen.map((headers) => [headers['remote-user'], headers['remote-name']])).toEqual(
      Array(2).fill([ANN, 'Ann%20Lee']),
    );

    expect((await ann.get('/auth')).status).toBe(404);
    await post('/logout', {});
    expect((await ann.get('/wiki/page').set(forged)).status).toBe(303);
    expect(seen).toHaveLength(2);
  },
);
