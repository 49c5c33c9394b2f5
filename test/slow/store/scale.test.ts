import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cleanUp } from '../../../src/runtime/cleanup.ts';
import { openSqliteStore } from '../../../src/sqlite/store.ts';
import { prepareAll } from '../../../src/sqlite/tx.ts';
import type { Store } from '../../../src/store.ts';
import { emailOf, PASSWORD } from '../../../tools/bench/contenders.ts';
import { fillAccounts, fillBacklog } from '../../../tools/bench/fill.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { world } from '../../support/world.ts';

const USERS = 20_000;
const BACKLOG = 2000;
/** The most rows of one table that one transaction of the cleanup may delete. */
const MAX_ROWS = 10;
const FLOWS_PER_CODE = 3;

/** Creates a big database and opens a second connection to it. */
async function big(): Promise<{ path: string; db: Database.Database }> {
  const path = join(temporaryFolder(), 'users.db');
  await fillAccounts(path, { users: USERS, sessions: 1000 });
  fillBacklog(path, { users: USERS, rows: BACKLOG });
  const db = new Database(path);
  onTestFinished(() => void db.close());
  return { path, db };
}

/** Returns the query plan of each statement of the store. */
function plansOf(db: Database.Database): [statement: string, steps: string[]][] {
  const statements = Object.entries(prepareAll(db)).flatMap(([name, prepared]) =>
    [prepared].flat().map(({ source }) => [name, source] as const),
  );
  return statements.map(([name, source]) => {
    const named = [...source.matchAll(/(?<!\w)@(\w+)/g)].map(([, parameter]) => [parameter, 1]);
    const unnamed = [...source.matchAll(/\?/g)].map(() => 1);
    const explain = db.prepare(`EXPLAIN QUERY PLAN ${source}`);
    const steps = explain.all(...(named.length > 0 ? [Object.fromEntries(named)] : unnamed));
    return [name, (steps as { detail: string }[]).map(({ detail }) => detail)];
  });
}

/** A scan of a whole table or index, or a sort without an index. */
const GROWS = /^SCAN (?!CONSTANT ROW|json_each)|TEMP B-TREE/;
/** These sort the rows of one account, which are few. */
const SORTS_FEW = ['codesOf', 'devicesOf', 'sessionsOf', 'lockoutsOf'];
const growing = (plans: [string, string[]][]) =>
  plans.flatMap(([name, steps]) =>
    steps
      .filter((step) => GROWS.test(step) && !(SORTS_FEW.includes(name) && /TEMP B-TREE/.test(step)))
      .map((step) => `${name}: ${step}`),
  );

describe('no statement scans a table that grows', () => {
  test('in a new database', async () => {
    const path = join(temporaryFolder(), 'users.db');
    await openSqliteStore(path).close();
    const db = new Database(path);
    onTestFinished(() => void db.close());
    const plans = plansOf(db);
    expect(plans.length).toBeGreaterThan(35);
    expect(growing(plans)).toEqual([]);
  });

  test('in a big database, with and without the statistics of ANALYZE', async () => {
    const { db } = await big();
    expect(growing(plansOf(db))).toEqual([]);
    db.exec('ANALYZE');
    expect(growing(plansOf(db))).toEqual([]);
  });

  test('and this test catches a missing index', async () => {
    const { db } = await big();
    for (const index of ['seeds_by_expiry', 'codes_by_change', 'sessions_by_sight', 'codes_by_count']) {
      db.exec(`DROP INDEX ${index}`);
    }
    const caught = new Set(growing(plansOf(db)).map((line) => line.split(':')[0]));
    expect([...caught].sort()).toEqual([
      'codesOf',
      'deleteDue',
      'deleteUser',
      'forgetCodes',
      'newestCode',
      'spendCodes',
    ]);
  });
});

describe('a sign-in', () => {
  const SIGN_INS = 100;
  const AT_ONCE = 20;

  /** Returns the pages that a sign-in writes to the log when users share commits. */
  async function pagesPerSignIn(users: number): Promise<number> {
    const path = join(temporaryFolder(), 'users.db');
    await fillAccounts(path, { users, sessions: users });
    const store = openSqliteStore(path);
    const db = new Database(path);
    onTestFinished(async () => {
      db.close();
      await store.close();
    });
    const { signIn, clock } = world({}, store);
    clock.advanceSeconds(Math.ceil((Date.now() - clock.nowMs()) / 1000));
    const log = db.prepare<[], { log: number }>('PRAGMA wal_checkpoint(NOOP)');
    const before = log.get()?.log ?? 0;
    for (let index = 0; index < SIGN_INS; index += AT_ONCE) {
      const people = Array.from({ length: AT_ONCE }, (_, at) => emailOf(((index + at) * 611_953) % users));
      const outcomes = await Promise.all(people.map((username) => signIn(PASSWORD, { username })));
      expect(outcomes.map(({ kind }) => kind)).toEqual(people.map(() => 'ok'));
    }
    return ((log.get()?.log ?? 0) - before) / SIGN_INS;
  }

  test("writes two pages more with twenty thousand users than with a hundred: the account's devices and sessions", async () => {
    const among = { few: await pagesPerSignIn(100), many: await pagesPerSignIn(USERS) };
    expect(among.few).toBeGreaterThan(0.5);
    expect(among.many).toBeLessThan(1.2 * among.few + 3);
  });
});

describe('the cleanup of a big database', () => {
  /** Runs the whole cleanup. Returns the number of rows that each transaction deletes, by table. */
  async function deletionsOf(store: Store, db: Database.Database): Promise<Record<string, number>[]> {
    const count = db.prepare(
      'SELECT (SELECT count(*) FROM seeds) AS seeds, (SELECT count(*) FROM codes) AS codes, (SELECT count(*) FROM flows) AS flows',
    );
    const turns: Record<string, number>[] = [];
    let before = count.get() as Record<string, number>;
    const watched: Store = {
      saltKey: store.saltKey,
      close: () => store.close(),
      read: (work) => store.read(work),
      async transact(work, options) {
        const result = await store.transact(work, options);
        const after = count.get() as Record<string, number>;
        turns.push(
          Object.fromEntries(Object.entries(before).map(([table, n]) => [table, n - (after[table] ?? 0)])),
        );
        before = after;
        return result;
      },
    };
    await cleanUp(watched, Date.now());
    return turns;
  }

  test('deletes few rows in each transaction, and all that have expired', async () => {
    const { path, db } = await big();
    const store = openSqliteStore(path);
    onTestFinished(() => store.close());
    const turns = await deletionsOf(store, db);
    for (const { seeds = 0, codes = 0, flows = 0 } of turns) {
      expect(Math.max(seeds, codes)).toBeLessThanOrEqual(MAX_ROWS);
      expect(flows).toBeLessThanOrEqual(MAX_ROWS * FLOWS_PER_CODE);
    }
    const left = ['seeds', 'codes', 'flows', 'sessions', 'devices', 'users'].map((table) =>
      db.prepare(`SELECT count(*) FROM ${table}`).pluck().get(),
    );
    expect(left).toEqual([0, 0, 0, 1000, USERS, USERS]);
  });

  test('lets requests run between its transactions', async () => {
    const { path } = await big();
    const store = openSqliteStore(path);
    onTestFinished(() => store.close());
    const order: string[] = [];
    const watched: Store = {
      saltKey: store.saltKey,
      close: () => store.close(),
      read: (work) => store.read(work),
      async transact(work, options) {
        const result = await store.transact(work, options);
        order.push('turn');
        return result;
      },
    };
    const cleaning = cleanUp(watched, Date.now());
    for (let request = 0; request < 20; request += 1) {
      await store.transact((tx) => tx.userFor('nobody@example.com'));
      order.push('request');
    }
    await cleaning;
    const waits = order.slice(0, order.lastIndexOf('request')).join(' ').split('request');
    for (const turns of waits) expect(turns.trim().split(' ').length).toBeLessThanOrEqual(2);
  });
});
