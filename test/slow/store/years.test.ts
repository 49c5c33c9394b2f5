import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { cleanUp } from '../../../src/runtime/cleanup.ts';
import { openSqliteStore } from '../../../src/sqlite/store.ts';
import { seededRandom } from '../../../tools/random.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { SEED } from '../../support/seed.ts';
import { world } from '../../support/world.ts';
import { population } from './population.ts';

/** A factor of the load. `LOAD_TIMES=10` takes some minutes. */
const TIMES = Number(process.env.LOAD_TIMES ?? 1);
const PEOPLE = 500;
const ACTORS_PER_DAY = 16 * TIMES;
/** A device is known for 400 days, all other rows live shorter. From then on the size is stable. */
const SETTLED_AFTER_DAYS = 405;
const DAYS = 600;
const CLEANUPS_PER_DAY = 2;
const MAX_GROWTH = 1.1;
const DAY_MS = 86_400_000;
/** Conditions for expired rows, by their documented lifetimes. */
const EXPIRED = {
  seeds: 'expires_at_ms <= @nowMs',
  lockouts: `changed_at_ms < @nowMs - 30 * ${DAY_MS}`,
  codes: `changed_at_ms < @nowMs - 30 * ${DAY_MS}`,
  flows: 'code_id NOT IN (SELECT id FROM codes)',
  devices: 'expires_at_ms <= @nowMs',
  sessions: `seen_at_ms < @nowMs - 0.5 * ${DAY_MS} OR created_at_ms < @nowMs - 30 * ${DAY_MS}`,
  events: `at_ms < @nowMs - ${DAY_MS}`,
};
const ALL_OUTCOMES = [
  'new password: ok',
  'reset: code_sent',
  'seed: ok',
  'sign-in: locked',
  'sign-in: ok',
  'sign-in: wrong',
  'sign-out: ok',
  'sign-up: ok',
  'sign-up: taken',
  'unlock: ok',
  'visit: signed in',
  'visit: signed out',
];

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test(
  'an hour of load, spread over years, does not grow the database or the memory',
  async () => {
    const path = join(temporaryFolder(), 'users.db');
    const store = openSqliteStore(path);
    onTestFinished(() => store.close());
    const newest = new Map<string, string>();
    const here = world({}, store, {
      availability: () => ({ kind: 'clear' }),
      sms: {
        async send(to, text) {
          newest.set(to, text);
          return { kind: 'sent', messageId: to };
        },
      },
    });
    const people = population(here, PEOPLE, seededRandom(SEED), (phone) => newest.get(phone));
    const reader = new Database(path, { readonly: true });
    onTestFinished(() => void reader.close());
    const pages = () => reader.pragma('page_count', { simple: true }) as number;
    const measured = () => {
      collectGarbage();
      return { pages: pages(), wal: statSync(`${path}-wal`).size, heap: process.memoryUsage().heapUsed };
    };

    await people.settle();
    let settled = measured();
    for (let day = 1; day <= DAYS; day += 1) {
      await people.act(ACTORS_PER_DAY);
      for (let part = 0; part < CLEANUPS_PER_DAY; part += 1) {
        here.clock.advanceMinutes(1440 / CLEANUPS_PER_DAY);
        await cleanUp(store, here.clock.nowMs());
      }
      here.alerts.length = 0;
      if (day === SETTLED_AFTER_DAYS) settled = measured();
    }
    const end = measured();

    const growth = {
      pages: end.pages / settled.pages,
      wal: end.wal / settled.wal,
      heap: end.heap / settled.heap,
    };
    expect.soft(growth.pages).toBeLessThan(MAX_GROWTH);
    expect.soft(growth.wal).toBeLessThan(MAX_GROWTH);
    expect.soft(growth.heap).toBeLessThan(MAX_GROWTH);
    const nowMs = here.clock.nowMs();
    for (const [table, condition] of Object.entries(EXPIRED)) {
      const sql = `SELECT count(*) FROM ${table} WHERE ${condition}`;
      expect.soft([table, reader.prepare(sql).pluck().get({ nowMs })]).toEqual([table, 0]);
    }
    expect([...people.outcomes.keys()].sort()).toEqual(ALL_OUTCOMES);
    if (TIMES > 1) console.log({ settled, end, growth, outcomes: Object.fromEntries(people.outcomes) });
  },
  TIMES * 120_000,
);
