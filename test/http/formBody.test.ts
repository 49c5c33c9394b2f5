import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { site } from '../support/site.ts';

const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n';
const KIB = Buffer.alloc(1024, 'a');

/** A connection to the app that has sent the head of a request with a body. */
async function posting(headers: string, request = 'POST /getseed', type = FORM): Promise<Socket> {
  const server = createServer(site().app);
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as { port: number }).port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`${request} HTTP/1.1\r\nHost: localhost\r\n${type}${headers}\r\n`);
  return socket;
}

test.each([
  ['its length is announced', 'Content-Length: 200000000\r\n', Buffer.alloc(0)],
  [
    'it is sent in chunks',
    'Transfer-Encoding: chunked\r\n',
    Buffer.from(`2800\r\n${KIB.toString().repeat(10)}\r\n`),
  ],
])('a body over 8 KiB is refused before it ends, if %s', async (_, headers, start) => {
  const socket = await posting(headers);
  socket.write(start);
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 413 .*"status":"too_large"/s);
});

test.each([
  ['a form', 'POST /getseed', FORM],
  ['another type', 'POST /getseed', 'Content-Type: application/json\r\n'],
  ['the body of a page', 'GET /about', ''],
  ['the body of an unknown path', 'PUT /nope', ''],
  ['the body of a refused form', 'POST /getseed', `Sec-Fetch-Site: cross-site\r\n${FORM}`],
])('%s that never ends is cut', async (_, request, type) => {
  const socket = await posting('Transfer-Encoding: chunked\r\n', request, type);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.resume();
  let sent = 0;
  while (!socket.closed && sent < 64 * 1024 * 1024) {
    socket.write(`400\r\n${KIB}\r\n`);
    sent += KIB.length;
    if (sent % (64 * 1024) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await closed;
  expect(sent).toBeLessThan(64 * 1024 * 1024);
});
