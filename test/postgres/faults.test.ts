import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { SQL } from '../../src/postgres/sql.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/postgres/store.ts';
import { type Store, StoreUnavailable } from '../../src/store.ts';
import { newDatabase } from '../support/postgres.ts';
import { asAdmin } from '../support/postgres-setup.ts';
import { must } from '../support/world.ts';

const ANN = 'ann@example.com';
const BOB = 'bob@example.com';
const ABOUT = { purpose: 'unlock', device: '', phoneno: '' } as const;

async function opened(options: PostgresStoreOptions = {}) {
  const url = await newDatabase();
  const store = await openPostgresStore(url, options);
  onTestFinished(() => store.close());
  return { url, store };
}

/** Connects as another process does. */
async function otherConnection(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

const fail = (store: Store, email: string, nowMs = 0) =>
  store.transact((tx) => tx.addFailure(email, '', nowMs), { about: { email } });
const failuresOf = async (store: Store, email: string) =>
  (await store.transact((tx) => tx.lockoutFor(email, ''), { about: { email } })).failures;

test('a work is refused as unavailable while the database can only be read, and the next one works', async () => {
  const { url, store } = await opened();
  await fail(store, ANN);
  const name = new URL(url).pathname.slice(1);
  await asAdmin(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  // A failover ends the connections to the old primary.
  await asAdmin(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND pid <> pg_backend_pid()`,
  );
  await expect.poll(() => fail(store, ANN).catch((error: Error) => error.message)).toContain('25006');
  const other = await otherConnection(url);
  await other.query('SET default_transaction_read_only = off');
  await other.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
  await expect.poll(() => failuresOf(store, ANN).catch(() => 0)).toBe(1);
  expect(await fail(store, ANN)).toBe(2);
});

test('a connection that ends in the middle of a work undoes it', async () => {
  const { url, store } = await opened();
  const broken = store.transact(
    async (tx) => {
      await tx.addFailure(ANN, '', 0);
      await asAdmin(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction' AND datname = current_database()",
      );
      return tx.takeSeed('none', ANN, 0);
    },
    { about: { email: ANN } },
  );
  await expect(broken).rejects.toThrow(StoreUnavailable);
  expect(await failuresOf(store, ANN)).toBe(0);
});

test('a work that finds no free connection is refused as unavailable, and the next one works', async () => {
  const { store } = await opened({ connections: 1, patienceMs: 300 });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = store.transact(async (tx) => {
    await tx.addFailure(ANN, '', 0);
    await held;
  });
  await expect(fail(store, BOB)).rejects.toThrow(StoreUnavailable);
  release();
  // It may have been late itself.
  await first.catch(() => undefined);
  expect(await fail(store, BOB)).toBe(1);
});

test('a lock that another process holds for too long is unavailable, and no connection is lost', async () => {
  const { url, store } = await opened({ patienceMs: 500 });
  const other = await otherConnection(url);
  await other.query('BEGIN; SELECT slot FROM locks FOR UPDATE');
  await expect(fail(store, ANN)).rejects.toThrow(StoreUnavailable);
  await other.query('ROLLBACK');
  expect(await fail(store, ANN)).toBe(1);
});

test('many works of one account that wait leave connections for other accounts', async () => {
  const { url, store } = await opened({ connections: 2, patienceMs: 1500 });
  const other = await otherConnection(url);
  await other.query(`BEGIN; ${SQL.lockEmail.text.replaceAll('$1', `'${ANN}'`)}`);
  const waiting = Promise.allSettled(Array.from({ length: 10 }, () => fail(store, ANN)));
  expect(await fail(store, BOB)).toBe(1);
  await other.query('ROLLBACK');
  await waiting;
  expect(await failuresOf(store, ANN)).toBeGreaterThan(0);
});

test('a page is read while another process holds all locks', async () => {
  const { url, store } = await opened();
  const other = await otherConnection(url);
  await other.query('BEGIN; SELECT slot FROM locks FOR UPDATE; LOCK TABLE users IN EXCLUSIVE MODE');
  const seen = await store.read(async (tx) => [tx.nowMs, await tx.sessionFor('none'), await tx.userFor(ANN)]);
  expect(seen).toEqual([expect.any(Number), undefined, undefined]);
  await other.query('ROLLBACK');
});

test('a work that only asks for limits waits for no other work', async () => {
  const { url, store } = await opened();
  const other = await otherConnection(url);
  await other.query('BEGIN; SELECT slot FROM locks WHERE slot >= 4096 FOR UPDATE');
  const ask = store.transact((tx) => tx.nthNewestEvents([{ key: 'total', nth: 1, sinceMs: 0 }], 9));
  expect(await ask).toEqual([undefined]);
  await other.query('ROLLBACK');
});

test('two works that lock the same limits in different orders both succeed', async () => {
  const { store } = await opened();
  const count = (first: string, second: string) =>
    store.transact(async (tx) => {
      for (const key of [first, second]) {
        await tx.nthNewestEvents([{ key, nth: 1, sinceMs: 0 }], 5);
        await tx.countEvent([key], 5);
      }
    });
  await Promise.all(Array.from({ length: 6 }, (_, index) => (index % 2 ? count('a', 'b') : count('b', 'a'))));
  const newest = await store.transact((tx) =>
    tx.nthNewestEvents(
      [6, 7].flatMap((nth) => ['a', 'b'].map((key) => ({ key, nth, sinceMs: 0 }))),
      5,
    ),
  );
  expect(newest).toEqual([5, 5, undefined, undefined]);
});

test('of works that check a limit and count, no more succeed than the limit allows', async () => {
  const { url, store } = await opened();
  const second = await openPostgresStore(url);
  onTestFinished(() => second.close());
  const take = (one: Store, email: string) =>
    one.transact(
      async (tx) => {
        const [full] = await tx.nthNewestEvents([{ key: 'total', nth: 5, sinceMs: 0 }], 9);
        if (full !== undefined) return false;
        await tx.countEvent(['total'], 9);
        return true;
      },
      { about: { email } },
    );
  const taken = await Promise.all(
    Array.from({ length: 30 }, (_, index) => take(index % 2 ? store : second, `${index}@example.com`)),
  );
  expect(taken.filter(Boolean)).toHaveLength(5);
});

test('works of several processes count every event, in whatever order they read the time and get their locks', async () => {
  const { url, store } = await opened();
  const stores = [store, await openPostgresStore(url), await openPostgresStore(url)];
  onTestFinished(async () => void (await Promise.all(stores.slice(1).map((one) => one.close()))));
  const take = (index: number) =>
    must(stores[index % stores.length]).transact(
      async (tx) => {
        const nowMs = must(tx.nowMs);
        // Some works get the lock of the limit later than others.
        for (let trip = 0; trip < index % 4; trip += 1) await tx.newestCode('a', ABOUT, nowMs);
        const [full] = await tx.nthNewestEvents([{ key: 'pool', nth: 20, sinceMs: nowMs - 60_000 }], nowMs);
        if (full !== undefined) return false;
        await tx.countEvent(['pool'], nowMs);
        return true;
      },
      { about: { email: `${index}@example.com` } },
    );
  const taken = await Promise.all(Array.from({ length: 60 }, (_, index) => take(index)));
  expect(taken.filter(Boolean)).toHaveLength(20);
  expect(await asAdmin(url, "SELECT count(*)::int FROM events WHERE key = 'pool'")).toEqual([{ count: 20 }]);
});

test('a work that comes too late does not cut its connection', async () => {
  const { url, store } = await opened({ patienceMs: 1000, connections: 3 });
  const pids = async () =>
    asAdmin(
      url,
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'two-factor-demo' AND datname = current_database()",
    );
  await store.transact((tx) => tx.userFor('a'), { about: { email: 'a' } });
  const before = await pids();
  const other = await otherConnection(url);
  await other.query('BEGIN; SELECT slot FROM locks FOR UPDATE');
  const works = Array.from({ length: 40 }, () =>
    store.transact((tx) => tx.userFor('a'), { about: { email: 'a' } }),
  );
  const settled = await Promise.allSettled(works);
  expect(settled.map(({ status }) => status)).toEqual(works.map(() => 'rejected'));
  await other.query('ROLLBACK');
  await store.transact((tx) => tx.userFor('a'), { about: { email: 'a' } });
  // The work that had waited for the lock lost its connection. The others lost none.
  expect(before).toHaveLength(1);
  const sessions = await asAdmin(
    url,
    'SELECT sessions FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(Number(must(sessions[0]).sessions)).toBeLessThan(10);
});

test('a work gets the time of the database, in milliseconds', async () => {
  const { url, store } = await opened();
  const [{ before } = { before: '' }] = await asAdmin(
    url,
    'SELECT extract(epoch FROM clock_timestamp()) * 1000 AS before',
  );
  const nowMs = await store.transact(async (tx) => tx.nowMs);
  expect(nowMs).toBeGreaterThanOrEqual(Math.floor(Number(before)));
  expect(nowMs).toBeLessThan(Number(before) + 600_000);
});

test('commits are synced and isolation is set, whatever the defaults of the database', async () => {
  const url = await newDatabase();
  const name = new URL(url).pathname.slice(1);
  await asAdmin(url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
  await asAdmin(url, `ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`);
  await asAdmin(url, `CREATE TABLE seen (sync text, isolation text, program text)`);
  await asAdmin(
    url,
    `CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO seen VALUES (current_setting('synchronous_commit'), current_setting('transaction_isolation'),
        current_setting('application_name')); RETURN NULL; END $$`,
  );
  await asAdmin(url, 'CREATE TRIGGER note AFTER INSERT ON lockouts FOR EACH ROW EXECUTE FUNCTION note()');
  const store = await openPostgresStore(url);
  onTestFinished(() => store.close());
  await fail(store, ANN);
  await store.transact((tx) => tx.addFailure(BOB, '', 0), { isLasting: false });
  expect(await asAdmin(url, 'SELECT * FROM seen')).toEqual([
    { sync: 'on', isolation: 'read committed', program: 'two-factor-demo' },
    { sync: 'off', isolation: 'read committed', program: 'two-factor-demo' },
  ]);
});

test('a closed store refuses works, after it has finished those that wait', async () => {
  const { store } = await opened();
  const waiting = fail(store, ANN);
  const closed = store.close();
  await expect(fail(store, ANN)).rejects.toThrow(StoreUnavailable);
  expect(await waiting).toBe(1);
  await closed;
});
