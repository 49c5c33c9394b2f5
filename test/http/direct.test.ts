import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, request } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { site } from '../support/site.ts';
import { ANN } from '../support/world.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Sends a request to the app as Node sends it, and answers all that came back, with what is new each time left out. */
async function sent(app: RequestListener, path: string, headers: IncomingHttpHeaders, body: string) {
  const server = createServer(app).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const out = request({ port, path, method: 'POST', headers: { connection: 'close', ...headers } });
  out.end(body);
  const [answer] = await once(out, 'response');
  let text = '';
  for await (const chunk of answer) text += chunk;
  const rows = answer.rawHeaders.filter(
    (_: string, index: number) => answer.rawHeaders[index - 1] !== 'Date',
  );
  return { status: answer.statusCode, rows, text: text.replace(/"[\w-]{22,}"/g, '"…"') };
}

// A path with a query is Express's: the same route, with all that stands before it.
test.each([
  ['/getseed', {}, `username=${ANN}`],
  ['/getseed', {}, 'username='],
  ['/getseed', {}, 'username=%zz'],
  ['/getseed', { 'sec-fetch-site': 'same-origin' }, `username=${ANN}`],
  ['/getseed', { 'sec-fetch-site': 'cross-site' }, `username=${ANN}`],
  ['/getseed', { origin: 'null' }, `username=${ANN}`],
  ['/getseed', { 'content-type': 'application/json' }, '{}'],
  ['/getseed', { 'content-encoding': 'gzip' }, `username=${ANN}`],
  ['/getseed', { 'transfer-encoding': 'chunked' }, `username=${ANN}`],
  ['/getseed', {}, `username=${ANN}&more=${'x'.repeat(9000)}`],
  ['/login', {}, `username=${ANN}&id=${'A'.repeat(22)}&nonce=${'A'.repeat(22)}&proof=${'A'.repeat(43)}`],
  ['/logout', {}, ''],
])(
  '%s with %o and %.40s is answered in the same bytes by Express and without it',
  async (path, headers, body) => {
    const { app } = site();
    const all = { ...FORM, 'content-length': String(body.length), ...headers };
    if ('transfer-encoding' in headers) Reflect.deleteProperty(all, 'content-length');
    const direct = await sent(app, path, all, body);
    expect(direct).toEqual(await sent(app, `${path}?`, all, body));
  },
);

test('a proxy in front is believed by the same rule', async () => {
  const { app } = site({ trustProxy: 1, policy: { requestsPerMinute: 1 } });
  const seedFrom = (address: string, path = '/getseed') => {
    const body = `username=${ANN}`;
    const headers = {
      ...FORM,
      'content-length': String(body.length),
      'x-forwarded-for': `9.9.9.9, ${address}`,
    };
    return sent(app, path, headers, body);
  };
  expect((await seedFrom('192.0.2.1')).status).toBe(200);
  expect((await seedFrom('192.0.2.1')).status).toBe(429);
  expect((await seedFrom('192.0.2.1', '/getseed?')).status).toBe(429);
  expect((await seedFrom('192.0.2.2')).status).toBe(200);
});
