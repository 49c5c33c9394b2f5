import supertest from 'supertest';
import { expect, test } from 'vitest';
import { StoreUnavailable } from '../../src/store.ts';
import { site } from '../support/site.ts';

/** Replaces the store's writes. Returns how many were asked for. */
function writesOf(world: ReturnType<typeof site>['world'], write: () => Promise<never> | undefined) {
  const { store } = world.deps;
  const transact = store.transact.bind(store);
  let count = 0;
  store.transact = (...args) => {
    count += 1;
    return write() ?? transact(...args);
  };
  return () => count;
}

test.each(['/healthz', '/readyz'])(
  '%s answers ok without a limit and without a line in the log',
  async (path) => {
    const { app, logged } = site({ policy: { requestsPerMinute: 1 } });
    for (let asked = 0; asked < 5; asked += 1) {
      const { status, body, headers } = await supertest(app).get(path);
      expect([status, body, headers['cache-control']]).toEqual([200, { status: 'ok' }, 'no-store']);
    }
    expect((await supertest(app).head(path)).status).toBe(200);
    expect(logged()).toBe('');
  },
);

test('/readyz writes once for all who ask within a second, and stores nothing about them', async () => {
  const { app, world, tables } = site();
  const writes = writesOf(world, () => undefined);
  const answers = await Promise.all(Array.from({ length: 20 }, () => supertest(app).get('/readyz')));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(writes()).toBe(1);
  expect((await tables()).shared_values).toHaveLength(1);
});

test('/readyz is unavailable if the database refuses a write, and /healthz still answers', async () => {
  const { app, world, logged } = site();
  writesOf(world, () => Promise.reject(new StoreUnavailable('away')));
  const { status, body } = await supertest(app).get('/readyz');
  expect([status, body.status, JSON.stringify(body).includes('away')]).toEqual([503, 'unavailable', false]);
  expect((await supertest(app).get('/healthz')).status).toBe(200);
  expect(logged()).toBe('');
});

test('/readyz is unavailable if the database gives no answer, and no second write waits behind the first', async () => {
  const { app, world } = site();
  const writes = writesOf(world, () => new Promise<never>(() => undefined));
  for (let asked = 0; asked < 3; asked += 1) expect((await supertest(app).get('/readyz')).status).toBe(503);
  expect(writes()).toBe(1);
});

test('/readyz is unavailable while the program stops', async () => {
  const stopping = new AbortController();
  const { app } = site({ stopping: stopping.signal });
  expect((await supertest(app).get('/readyz')).status).toBe(200);
  stopping.abort();
  const { status, body } = await supertest(app).get('/readyz');
  expect([status, body.status]).toEqual([503, 'unavailable']);
});
