import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { VARIABLES } from '../../../src/config.ts';
import { freePort } from '../../../tools/free-port.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startProgram } from '../../support/program.ts';
import { ROOT } from '../../support/site.ts';

const read = (name: string) => readFileSync(join(ROOT, name), 'utf8');
const hasNginx = spawnSync('nginx', ['-v']).error === undefined;

/** The files that a stage of the Dockerfile copies, as `[from, to]`. */
const copies = (pattern: RegExp) =>
  [...read('Dockerfile').matchAll(pattern)].flatMap(([, from = '']) => from.split(' ').slice(0, -1));

test('the files that the Dockerfile copies are enough to build and to run the program', async () => {
  const [build, image] = [temporaryFolder(), temporaryFolder()];
  const sources = copies(/^COPY (?!--)(.*)$/gm);
  expect(sources).toContain('package-lock.json');
  const ignored = read('.dockerignore').split('\n');
  for (const name of sources) {
    expect(ignored).toContain(`!${name}`);
    const isSource = (path: string) => path !== join(ROOT, 'public', 'assets');
    cpSync(join(ROOT, name), join(build, name), { recursive: true, filter: isSource });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(build, 'node_modules'));
  const built = spawnSync('npm', ['run', 'build'], { cwd: build, encoding: 'utf8' });
  expect(built.status, built.stderr).toBe(0);

  for (const path of copies(/^COPY --from=build \/app\/(.*)$/gm)) {
    if (path === 'node_modules') symlinkSync(join(ROOT, path), join(image, path));
    else cpSync(join(build, path), join(image, path), { recursive: true });
  }
  const { origin } = await startProgram({}, undefined, [], image);
  expect((await fetch(`${origin}/healthz`)).status).toBe(200);
});

test('the container has no root, and two processes share all that they need', () => {
  const stages = read('Dockerfile').split(/^FROM /m);
  expect(stages.at(-1)).toMatch(/^USER node$/m);
  expect(stages.at(-1)).toContain('NODE_ENV=production');
  expect(stages[1]).toContain('npm prune --omit=dev');
  const compose = read('compose.yaml');
  const [app = ''] = /^x-app: &app\n(?: .*\n)*/m.exec(compose) ?? [];
  expect(app).toContain('  read_only: true\n');
  expect(compose.match(/<<: \*app/g)).toHaveLength(2);
  const [environment = ''] = /^ {2}environment:\n(?: {4}.*\n)*/m.exec(app) ?? [];
  const names = [...environment.matchAll(/^ {4}([A-Z_]+): /gm)].map(([, name]) => name);
  expect(names).toEqual(['HOST', 'PORT', 'DATABASE_URL', 'APP_SECRET', 'SMS_SENDER', 'TRUST_PROXY']);
  expect(VARIABLES).toEqual(expect.arrayContaining(names));
  expect(compose).not.toMatch(/(PASSWORD|SECRET): (?!\$\{)/);
});

/** Starts a server in place of the program, which keeps the headers of its requests. */
async function recorder(): Promise<{ port: number; headers: IncomingHttpHeaders[] }> {
  const headers: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, headers };
}

test.skipIf(!hasNginx)('nginx (skipped without it) replaces the network that a client claims', async () => {
  const apps = [await recorder(), await recorder()];
  const port = await freePort();
  const folder = temporaryFolder();
  let server = read('deploy/nginx.conf').replace('listen 8080', `listen 127.0.0.1:${port}`);
  for (const [index, app] of apps.entries()) {
    server = server.replace(`app-${index + 1}:5000`, `127.0.0.1:${app.port}`);
  }
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  const path = join(folder, 'nginx.conf');
  writeFileSync(
    path,
    `daemon off; pid ${folder}/pid; events {} http { access_log off; ${temporary.join(' ')} ${server} }`,
  );
  const nginx = spawn('nginx', ['-p', folder, '-c', path, '-e', 'stderr']);
  const ended = once(nginx, 'exit');
  onTestFinished(async () => {
    nginx.kill();
    await ended;
  });
  const get = () =>
    fetch(`http://localhost:${port}/about`, { headers: { 'x-forwarded-for': '203.0.113.77' } }).then(
      ({ status }) => status,
      () => undefined,
    );
  await expect.poll(get).toBe(200);
  for (let count = 0; count < 6; count += 1) expect(await get()).toBe(200);
  for (const { headers } of apps) {
    expect(headers.length).toBeGreaterThan(0);
    for (const header of headers) {
      expect(header).toMatchObject({ host: `localhost:${port}`, 'x-forwarded-for': '127.0.0.1' });
      expect(header.connection).not.toBe('close');
    }
  }
});
