import { once } from 'node:events';
import { Agent, get, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { closeServers, listen } from '../../src/http/listen.ts';
import { freePort } from '../../tools/free-port.ts';

async function listening(app: RequestListener) {
  const port = await freePort();
  return { port, servers: await listen(app, 'localhost', port) };
}

const answerAtOnce: RequestListener = (_request, response) => response.end('ok');

test('closing ends each keep-alive connection after its next answer', async () => {
  const { port, servers } = await listening(answerAtOnce);
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  let isClosed = false;
  let served = 0;
  const traffic = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!isClosed && served < 100_000) {
        const [response] = await once(get({ port, agent, host: '127.0.0.1' }), 'response').catch(() => [
          undefined,
        ]);
        if (response === undefined) return;
        served += 1;
        response.resume();
        await once(response, 'end');
      }
    }),
  );
  await expect.poll(() => served).toBeGreaterThan(20);
  await closeServers(servers);
  isClosed = true;
  await traffic;
  agent.destroy();
  expect(served).toBeLessThan(100_000);
});

test('closing cuts connections without a complete request', async () => {
  const { port, servers } = await listening(answerAtOnce);
  const silent = connect(port, '127.0.0.1');
  await once(silent, 'connect');
  const half = connect(port, '127.0.0.1');
  half.write('GET / HT');
  await once(half, 'connect');
  const cut = Promise.all(
    [silent, half].map((socket) => {
      socket.on('error', () => undefined);
      return new Promise((resolve) => socket.on('close', resolve));
    }),
  );
  await closeServers(servers);
  await cut;
});

test('closing waits for the answer to an open request', async () => {
  let answer: (() => void) | undefined;
  const { port, servers } = await listening((_request, response) => {
    answer = () => void response.end('done');
  });
  const asked = once(get({ port, host: '127.0.0.1' }), 'response');
  await expect.poll(() => answer).toBeDefined();
  const closed = closeServers(servers).then(() => 'closed');
  expect(await Promise.race([closed, Promise.resolve('waiting')])).toBe('waiting');
  answer?.();
  const [response] = await asked;
  expect(response.headers.connection).toBe('close');
  response.resume();
  expect(await closed).toBe('closed');
});

test('closing ends a connection at its next answer if its current answer has already started', async () => {
  let end = () => {};
  const { port, servers } = await listening((request, response) => {
    if (request.url === '/quick') return void response.end('quick');
    response.flushHeaders();
    end = () => void response.end('slow');
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string) => once(get({ port, agent, host: '127.0.0.1', path }), 'response');
  const [slow] = await ask('/slow');
  const closed = closeServers(servers);
  end();
  slow.resume();
  await once(slow, 'end');
  const [quick] = await ask('/quick');
  expect(quick.headers.connection).toBe('close');
  quick.resume();
  await closed;
  agent.destroy();
});

test('a port in use fails, and no listener stays open', async () => {
  const { port, servers } = await listening(answerAtOnce);
  await expect(listen(answerAtOnce, 'localhost', port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await closeServers(servers);
  await closeServers(await listen(answerAtOnce, 'localhost', port));
});

test.each([
  ['in order', (answers: (() => void)[]) => answers],
  ['last one first', (answers: (() => void)[]) => answers.toReversed()],
])('closing waits for all pipelined requests of a connection, answered %s', async (_, inOrder) => {
  const answers: (() => void)[] = [];
  const { port, servers } = await listening(({ url }, response) => {
    answers.push(() => response.end(url));
  });
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(['/a', '/b', '/c'].map((url) => `GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
  await expect.poll(() => answers.length).toBe(3);
  const closed = Promise.all([once(socket, 'close'), closeServers(servers)]);
  for (const answer of inOrder(answers)) answer();
  await closed;
  expect(text.match(/^\/[abc]/gm)).toEqual(['/a', '/b', '/c']);
  expect(text.match(/^Connection: .*/gim)).toEqual([
    'Connection: keep-alive',
    'Connection: keep-alive',
    'Connection: close',
  ]);
});

test('the next minor garbage collection frees a sent answer', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how?: { type: 'minor' }) => void;
  const oldBytes = () =>
    getHeapSpaceStatistics().find((space) => space.space_name === 'old_space')?.space_used_size ?? Number.NaN;
  const { port, servers } = await listening((_request, response) => {
    // Large enough to measure.
    Object.assign(response, { ballast: Array.from({ length: 1000 }, (_, index) => index + 0.5) });
    setImmediate(() => response.end('ok'));
  });
  const sockets = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').setNoDelay());
  const ask = (times: number) =>
    Promise.all(
      sockets.map(async (socket) => {
        for (let time = 0; time < times; time += 1) {
          socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
          await once(socket, 'data');
        }
      }),
    );

  await ask(20);
  // Two full collections move all objects of the connections to the old space.
  collect();
  collect();
  const before = oldBytes();
  await ask(200);
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  const kept = oldBytes() - before;
  for (const socket of sockets) socket.destroy();
  await closeServers(servers);
  expect(kept / (200 * sockets.length)).toBeLessThan(1000);
});
