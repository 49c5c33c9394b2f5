import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Agent, get, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BOUNDS, type Bounds } from '../../src/http/bounds.ts';
import { listen } from '../../src/http/listen.ts';
import { freePort } from '../../tools/free-port.ts';
import { site } from '../support/site.ts';

const publicOrigin = 'http://localhost:5000';

async function listening(app: RequestListener, bounds: Partial<Bounds> = {}) {
  const port = await freePort();
  const options = { host: 'localhost', port, publicOrigin, bounds: { ...BOUNDS, ...bounds } };
  const { close } = await listen(app, options);
  let closed: Promise<void> | undefined;
  const closeOnce = () => {
    closed ??= close();
    return closed;
  };
  onTestFinished(closeOnce);
  return { port, close: closeOnce, options };
}

/** Opens a connection that tolerates being cut, and reads nothing until the test does. */
async function open(port: number, text = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

const untilClosed = (socket: Socket) => {
  socket.resume();
  return socket.closed ? undefined : new Promise((resolve) => socket.once('close', resolve));
};
const GET = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
const HALF_A_FORM = 'POST /getseed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nuser';

const answerAtOnce: RequestListener = (_request, response) => response.end('ok');

test('closing ends each keep-alive connection after its next answer', async () => {
  const { port, close } = await listening(answerAtOnce);
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
  await close();
  isClosed = true;
  await traffic;
  agent.destroy();
  expect(served).toBeLessThan(100_000);
});

test('closing cuts connections without a complete request', async () => {
  const { port, close } = await listening((request, response) =>
    request.resume().on('end', () => response.end('ok')),
  );
  const silent = connect(port, '127.0.0.1');
  await once(silent, 'connect');
  const half = connect(port, '127.0.0.1');
  half.write('GET / HT');
  await once(half, 'connect');
  const form = connect(port, '127.0.0.1');
  form.write(HALF_A_FORM);
  await once(form, 'connect');
  const cut = Promise.all(
    [silent, half, form].map((socket) => {
      socket.on('error', () => undefined);
      return new Promise((resolve) => socket.on('close', resolve));
    }),
  );
  await close();
  await cut;
});

test('closing waits for the answer to an open request', async () => {
  let answer: (() => void) | undefined;
  const { port, close } = await listening((_request, response) => {
    answer = () => void response.end('done');
  });
  const asked = once(get({ port, host: '127.0.0.1' }), 'response');
  await expect.poll(() => answer).toBeDefined();
  const closed = close().then(() => 'closed');
  expect(await Promise.race([closed, Promise.resolve('waiting')])).toBe('waiting');
  answer?.();
  const [response] = await asked;
  expect(response.headers.connection).toBe('close');
  response.resume();
  expect(await closed).toBe('closed');
});

test('closing ends a connection at its next answer if its current answer has already started', async () => {
  let end = () => {};
  const { port, close } = await listening((request, response) => {
    if (request.url === '/quick') return void response.end('quick');
    response.flushHeaders();
    end = () => void response.end('slow');
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (path: string) => once(get({ port, agent, host: '127.0.0.1', path }), 'response');
  const [slow] = await ask('/slow');
  const closed = close();
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
  const { close, options } = await listening(answerAtOnce);
  await expect(listen(answerAtOnce, options)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await close();
  await (await listen(answerAtOnce, options)).close();
});

test('closing waits for all pipelined requests of a connection, which the app gets one by one', async () => {
  const answers: (() => void)[] = [];
  const { port, close } = await listening(({ url }, response) => {
    answers.push(() => response.end(url));
  });
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(['/a', '/b', '/c'].map((url) => `GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
  await expect.poll(() => answers.length).toBe(1);
  const closed = Promise.all([once(socket, 'close'), close()]);
  for (let count = 1; count <= 3; count += 1) {
    await expect.poll(() => answers.length).toBe(count);
    answers.at(-1)?.();
  }
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
  const { port, close } = await listening((_request, response) => {
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
  await close();
  expect(kept / (200 * sockets.length)).toBeLessThan(1000);
});

test('closing still answers a request that arrives on an idle connection within the grace period', async () => {
  const { port, close } = await listening(answerAtOnce, { stopIdleMs: 60_000 });
  const socket = await open(port, GET);
  await once(socket, 'data');
  const closed = close();
  await setTimeout();
  socket.write(GET);
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 .*Connection: close/s);
  await closed;
});

test('closing settles after the answers of all connections have closed', async () => {
  let begun = 0;
  let ended = 0;
  const app: RequestListener = (_request, response) => {
    begun += 1;
    response.on('close', () => {
      ended += 1;
    });
  };
  const { port, close } = await listening(app, { stopIdleMs: 10 });
  for (let count = 0; count < 5; count += 1) await open(port, HALF_A_FORM);
  await expect.poll(() => begun).toBe(5);
  await close();
  expect(ended).toBe(5);
});

test('closing cuts a connection whose client never reads its answer', async () => {
  const { port, close } = await listening((_request, response) => response.end(Buffer.alloc(64 << 20)), {
    stopIdleMs: 10,
    stopAnswersMs: 50,
  });
  const socket = await open(port, GET);
  await once(socket, 'readable');
  await close();
});

describe('what one connection can hold', () => {
  test('a connection is cut at the seventeenth unanswered request, and the app gets only the first (attack S1)', async () => {
    const taken: string[] = [];
    const { port } = await listening(({ url = '' }) => void taken.push(url));
    const patient = await open(port, GET.repeat(16));
    const greedy = await open(port, GET.repeat(17));
    await untilClosed(greedy);
    expect(patient.closed).toBe(false);
    expect(taken).toEqual(['/', '/']);
  });

  test('a connection that is cut costs no parsing of its further requests', async () => {
    const { port } = await listening(() => undefined);
    let parsed = 0;
    const count = () => {
      parsed += 1;
    };
    subscribe('http.server.request.start', count);
    onTestFinished(() => void unsubscribe('http.server.request.start', count));
    await untilClosed(await open(port, GET.repeat(850)));
    expect(parsed).toBe(17);
    await open(port, GET);
    await expect.poll(() => parsed).toBe(18);
  });

  test('an answer that is not read holds back the next request', async () => {
    const taken: ServerResponse[] = [];
    const { port } = await listening((_request, response) => {
      taken.push(response);
      response.end(Buffer.alloc(64 << 20));
    });
    const socket = await open(port, GET.repeat(10));
    await once(socket, 'readable');
    // Other connections have their turns.
    for (let count = 0; count < 3; count += 1) await untilClosed(await open(port, GET.repeat(17)));
    expect(taken.filter(({ req }) => req.socket.remotePort === socket.localPort)).toHaveLength(1);
  });

  test('a client that reads nothing is cut', async () => {
    let isCut = false;
    const app: RequestListener = (_request, response) => {
      response.end(Buffer.alloc(64 << 20)).on('close', () => {
        isCut = true;
      });
    };
    const { port } = await listening(app, { stalledMs: 50 });
    await open(port, GET);
    await expect.poll(() => isCut).toBe(true);
  });

  test.skipIf(process.platform !== 'linux')(
    'files asked for and never read leave no open descriptor (attack S2)',
    async () => {
      const { port } = await listening(site().app);
      const { pathname } = new URL(
        /"(\/assets\/jquery[^"]+)"/.exec(await (await fetch(`http://localhost:${port}/`)).text())?.[1] ?? '',
        publicOrigin,
      );
      const descriptors = () => readdirSync('/proc/self/fd').length;
      const before = descriptors();
      const asset = `GET ${pathname} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
      for (let count = 0; count < 3; count += 1) {
        const socket = await open(port, asset.repeat(850));
        await once(socket, 'readable');
        socket.destroy();
        await untilClosed(socket);
      }
      await expect.poll(descriptors).toBeLessThanOrEqual(before);
    },
  );
});

describe('what all connections can hold', () => {
  test('past the bound, the connection without a request for the longest time is cut (attack S4)', async () => {
    const { port } = await listening(answerAtOnce, { connections: 3 });
    const first = await open(port, GET);
    await once(first, 'data');
    const second = await open(port, GET);
    await once(second, 'data');
    const third = await open(port);
    first.write(GET);
    await once(first, 'data');
    const fourth = await open(port, GET);
    await untilClosed(second);
    await once(fourth, 'data');
    expect([first.closed, third.closed]).toEqual([false, false]);
  });

  test('an honest client gets its answers while others open connections without end', async () => {
    const { port } = await listening(answerAtOnce, { connections: 20 });
    let isOver = false;
    const flood = (async () => {
      while (!isOver) await open(port);
    })();
    const agent = new Agent({ keepAlive: true });
    for (let count = 0; count < 20; count += 1) {
      const [response] = await once(get({ port, agent, host: '127.0.0.1' }), 'response');
      await response.toArray();
    }
    isOver = true;
    await flood;
    agent.destroy();
  });

  test('an idle connection stays open for longer than those of a usual proxy', async () => {
    const { port } = await listening(answerAtOnce);
    const socket = await open(port, GET);
    const [answer] = await once(socket, 'data');
    expect(Number(/keep-alive: timeout=(\d+)/i.exec(String(answer))?.[1])).toBeGreaterThan(120);
  });
});

test('the address of a client is known after it has reset its connection (attack S5)', async () => {
  let address: string | undefined;
  let socketOfApp: Socket | undefined;
  const { port } = await listening(({ socket }) => {
    socketOfApp = socket;
    socket.once('close', () => {
      address = socket.remoteAddress;
    });
  });
  const socket = await open(port, GET);
  await expect.poll(() => socketOfApp).toBeDefined();
  socket.resetAndDestroy();
  await expect.poll(() => address).toBe('127.0.0.1');
});

describe('a request that the parser refuses', () => {
  const answerTo = async (text: string, bounds: Partial<Bounds> = {}) => {
    const { port } = await listening(site().app, bounds);
    const socket = await open(port, text);
    return (await socket.setEncoding('latin1').toArray()).join('');
  };
  const COMMON = /^(content-security-policy|x-content-type-options|referrer-policy|cache-control): .*$/gim;

  test.each([
    ['400 Bad Request', 'FOO BAR\r\n\r\n', 'invalid'],
    ['400 Bad Request', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 'invalid'],
    ['400 Bad Request', 'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n', 'invalid'],
    ['408 Request Timeout', HALF_A_FORM, 'invalid'],
    ['408 Request Timeout', '', 'invalid'],
    [
      '417 Expectation Failed',
      'GET / HTTP/1.1\r\nHost: localhost\r\nExpect: a\r\nConnection: close\r\n\r\n',
      'invalid',
    ],
    [
      '431 Request Header Fields Too Large',
      `${GET.trimEnd()}\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
      'too_large',
    ],
  ])(
    '%# is answered %s with the headers of every answer and JSON (attacks S3, S7)',
    async (status, text, word) => {
      const answer = await answerTo(text, { requestMs: 50, checkMs: 20 });
      const usual = await answerTo('GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      expect(answer).toContain(`HTTP/1.1 ${status}\r\n`);
      expect(answer.match(COMMON)).toHaveLength(4);
      expect(answer.match(COMMON)).toEqual(usual.match(COMMON));
      expect(answer).toMatch(/Content-Type: application\/json; charset=utf-8/);
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: word });
    },
  );

  test.each([
    ['a stray byte', 'x'],
    ['a line that is no request', 'FOO BAR\r\n\r\n'],
    ['half a form with a broken length', 'POST /c HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n'],
    ['a broken chunk', 'POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx'],
  ])('cuts the connection after the answers to the requests before it (%s)', async (_, rest) => {
    const answers: (() => void)[] = [];
    const { port } = await listening(({ url }, response) => {
      answers.push(() => response.end(url));
    });
    const form = 'POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nuser';
    const socket = await open(port, `${form}${GET.replace('/', '/b')}${rest}`);
    const text = socket.setEncoding('latin1').toArray();
    for (let count = 1; count <= 2; count += 1) {
      await expect.poll(() => answers.length).toBe(count);
      // The client continues to send.
      socket.write(rest);
      answers.at(-1)?.();
    }
    const answered = (await text).join('');
    expect(answered.match(/(?<=\r\n\r\n)\/./g)).toEqual(['/a', '/b']);
    expect(answered).not.toContain(' 400 ');
  });

  test('an upgrade is answered as a usual request', async () => {
    const text = GET.trimEnd();
    const answer = await answerTo(`${text}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK/);
  });
});
