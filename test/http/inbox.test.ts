import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import supertest from 'supertest';
import { expect, onTestFinished, test, vi } from 'vitest';
import { BOUNDS } from '../../src/http/bounds.ts';
import { consoleSms } from '../../src/sms/console.ts';
import { site } from '../support/site.ts';

const PATH = '/dev/messages/events';

/** A listening site with the console sender. */
async function inboxSite(options: Parameters<typeof site>[0] = {}) {
  const inbox = consoleSms(() => undefined, Date.now);
  const { app, logged } = site({ inbox, ...options });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const ask = async (method = 'GET'): Promise<IncomingMessage> => {
    const request = get({ port, host: '127.0.0.1', path: PATH, method, agent: false });
    const [response] = await once(request, 'response');
    response.setEncoding('utf8').on('error', () => undefined);
    return response;
  };
  return { app, inbox, logged, ask, server };
}

const nextText = async (stream: IncomingMessage) => (await once(stream, 'data'))[0] as string;

test('the stream of the inbox has an event for each message, without its text and number', async () => {
  const { inbox, ask } = await inboxSite();
  const streams = [await ask(), await ask()];
  for (const stream of streams) {
    expect([stream.statusCode, stream.headers['content-type']]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    expect(stream.headers['cache-control']).toBe('no-store');
    expect(await nextText(stream)).toBe('retry: 1000\n\n');
  }
  for (const text of ['Your code is 012345', 'Your code is 543210']) {
    const events = Promise.all(streams.map(nextText));
    await inbox.send('+12025550123', text);
    expect(await events).toEqual(['data: message\n\n', 'data: message\n\n']);
  }
});

test('a decoy has no event', async () => {
  const stopping = new AbortController();
  const { inbox, ask } = await inboxSite({ stopping: stopping.signal });
  const stream = await ask();
  const events = stream.toArray();
  await inbox.sendDecoy?.('+12025550123', 'Your code is 012345');
  stopping.abort();
  expect((await events).join('')).toBe('retry: 1000\n\n');
});

test('a stream without messages has a comment before its connection counts as stalled', async () => {
  expect(BOUNDS.inboxCommentMs).toBeLessThan(BOUNDS.stalledMs);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { ask } = await inboxSite();
  const stream = await ask();
  await nextText(stream);
  for (let count = 0; count < 2; count += 1) {
    const comment = nextText(stream);
    vi.advanceTimersByTime(BOUNDS.inboxCommentMs);
    expect(await comment).toBe(':\n\n');
  }
  stream.destroy();
  await expect.poll(() => vi.getTimerCount()).toBe(0);
});

test('a stop ends all streams, and those that are asked for later', async () => {
  const stopping = new AbortController();
  const { ask } = await inboxSite({ stopping: stopping.signal });
  const streams = [await ask(), await ask()];
  const ended = Promise.all(streams.map((stream) => stream.toArray()));
  stopping.abort();
  await ended;
  expect(streams.map(({ complete, headers }) => [complete, headers.connection])).toEqual([
    [true, 'close'],
    [true, 'close'],
  ]);
  await (await ask()).toArray();
});

test('past the bound of streams the next one is refused, until one of them closes', async () => {
  const { inbox, ask } = await inboxSite();
  const streams = [];
  for (let count = 0; count < BOUNDS.inboxStreams; count += 1) streams.push(await ask());
  const refused = await ask();
  expect(refused.statusCode).toBe(429);
  expect(JSON.parse((await refused.toArray()).join(''))).toMatchObject({ status: 'slow_down' });
  streams.pop()?.destroy();
  await expect.poll(async () => (await ask()).statusCode).toBe(200);
  await inbox.send('+12025550123', 'Hello');
});

test('HEAD of the stream ends, and holds none', async () => {
  const { ask } = await inboxSite();
  for (let count = 0; count <= BOUNDS.inboxStreams; count += 1) {
    const head = await ask('HEAD');
    expect([head.statusCode, await head.toArray()]).toEqual([200, []]);
  }
});

test('the log has no line for a stream, and the request limit does not count it', async () => {
  const { app, logged, ask } = await inboxSite({ policy: { requestsPerMinute: 1 } });
  const streams = [await ask(), await ask()];
  for (const stream of streams) stream.destroy();
  expect((await supertest(app).get('/about')).status).toBe(200);
  await expect.poll(logged).toContain('/about');
  expect(logged()).not.toContain('/dev/');
});

test.each([
  [{ Host: 'example.com' }, {}],
  [{ 'X-Forwarded-For': '127.0.0.1' }, {}],
  [{ Via: '1.1 proxy' }, {}],
  [{}, { isProduction: true }],
])('the stream is not found with %o and %o', async (headers, options) => {
  const inbox = consoleSms(() => undefined, Date.now);
  const answer = await supertest(site({ inbox, ...options }).app)
    .get(PATH)
    .set(headers);
  expect([answer.status, answer.body.status]).toEqual([404, 'not_found']);
});

test('the stream is not found without the console sender', async () => {
  expect((await supertest(site().app).get(PATH)).status).toBe(404);
});
