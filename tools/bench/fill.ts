import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync } from 'node:fs';
import Database from 'better-sqlite3';
import { saltFor } from '../../src/engine/accounts.ts';
import { CONSTANTS } from '../../src/policy.ts';
import { KDF } from '../../src/scram.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { hashOf, timedId, timedToken } from '../../src/token.ts';
import { keysOf } from '../../test/support/page.ts';
import { emailOf, firstDeviceOf, PASSWORD, phoneOf } from './contenders.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The numbers from 0 to `@rows` - 1 as a table. */
const NUMBERS =
  'WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < @rows)';
/** Text as long and as random as the ids and tokens of the program. */
const ID = 'lower(hex(randomblob(11)))';
const TIMED_ID = 'timed_id(at_ms)';
const TIMED_HASH = 'timed_hash(at_ms)';
/** Evenly distributed times of the rows. */
const TIMES = 'CAST(@fromMs AS INTEGER) + n * CAST(@overMs AS INTEGER) / CAST(@rows AS INTEGER)';
const TOKEN = 'substr(lower(hex(randomblob(22))), 1, 43)';
const EMAIL = 'email_of(abs(random()) % @users)';

/** The bytes of one row on disk, with its share of all indexes. */
export interface RowBytes {
  readonly user: number;
  readonly device: number;
  readonly session: number;
}

/** Creates the database in the file `path`, with accounts for a benchmark and a device for each. */
export async function fillAccounts(
  path: string,
  { users, sessions }: { users: number; sessions: number },
): Promise<RowBytes> {
  const store = openSqliteStore(path);
  const { saltKey } = store;
  await store.close();
  return fast(path, (db) => {
    const nowMs = Date.now();
    const bytes = grower(db);
    const add = db.prepare(`
      INSERT INTO users
        (email, phoneno, fname, lname, kdf, stored_key, server_key, created_at_ms, keys_changed_at_ms,
         known_since_ms, generation)
      VALUES (?, ?, 'Sam', 'Bench', ?, ?, ?, ?, ?, ?, 0)`);
    for (let user = 0; user < users; user += 1) {
      const email = emailOf(user);
      const { storedKey, serverKey } = keysOf(PASSWORD, saltFor(saltKey, email));
      add.run(email, phoneOf(user), KDF, storedKey, serverKey, nowMs, nowMs, nowMs);
    }
    const user = bytes() / users;
    const lifetimeMs = CONSTANTS.deviceLifetimeSeconds * 1000;
    db.prepare(
      `${NUMBERS} INSERT INTO devices (id, email, token_hash, number, expires_at_ms)
       SELECT ${ID}, email_of(n), device_hash(n), 1, at_ms + @lifetimeMs
       FROM (SELECT n, ${TIMES} AS at_ms FROM numbers)`,
    ).run({ rows: users, fromMs: nowMs - DAY_MS, overMs: DAY_MS, lifetimeMs });
    const device = bytes() / users;
    db.prepare(
      `${NUMBERS} INSERT INTO sessions (token_hash, email, created_at_ms, seen_at_ms)
       SELECT ${TIMED_HASH}, ${EMAIL}, at_ms, at_ms FROM (SELECT ${TIMES} AS at_ms FROM numbers)`,
    ).run({ rows: sessions, users, fromMs: nowMs - HOUR_MS, overMs: HOUR_MS });
    return { user, device, session: bytes() / sessions };
  });
}

/** Returns a function that returns the growth of the database in bytes since its last call. */
function grower(db: Database.Database): () => number {
  const size = () =>
    (db.pragma('page_count', { simple: true }) as number) *
    (db.pragma('page_size', { simple: true }) as number);
  let before = size();
  return () => {
    const grown = size() - before;
    before += grown;
    return grown;
  };
}

/** Adds rows for the next cleanup: expired seeds, and as many expired codes with a flow each. */
export function fillBacklog(path: string, { users, rows }: { users: number; rows: number }): void {
  fast(path, (db) => {
    const nowMs = Date.now();
    db.prepare(
      `${NUMBERS} INSERT INTO seeds (id, seed, email, network, expires_at_ms)
       SELECT ${TIMED_ID}, ${TOKEN}, ${EMAIL}, '10.' || abs(random() % 256) || '.' || abs(random() % 256) || '.1', at_ms
       FROM (SELECT ${TIMES} AS at_ms FROM numbers)`,
    ).run({ rows, users, fromMs: nowMs - HOUR_MS, overMs: HOUR_MS });
    const changedBeforeMs = nowMs - CONSTANTS.rowLifetimeSeconds * 1000 - DAY_MS;
    db.prepare(
      `${NUMBERS} INSERT INTO codes
         (id, email, purpose, device, created_at_ms, expires_at_ms, sent_at_ms, is_spent, delivery, reason,
          during_outage, changed_at_ms)
       SELECT ${TIMED_HASH}, ${EMAIL}, 'unlock', '', at_ms, at_ms + ${HOUR_MS}, at_ms, 0, 'sent', NULL, 0, at_ms
       FROM (SELECT ${TIMES} AS at_ms FROM numbers)`,
    ).run({ rows, users, fromMs: changedBeforeMs, overMs: DAY_MS });
    db.prepare(`INSERT INTO flows (hash, code_id, is_tried) SELECT ${TOKEN}, id, 0 FROM codes`).run();
  });
}

/** Fills a database in one transaction without a journal. After a failure the file is worthless. */
function fast<Result>(path: string, fill: (db: Database.Database) => Result): Result {
  const db = new Database(path);
  try {
    db.function('email_of', (account) => emailOf(Number(account)));
    db.function('device_hash', (account) => hashOf(firstDeviceOf(Number(account))));
    db.function('timed_hash', (ms) => hashOf(timedToken(randomBytes, Number(ms))));
    db.function('timed_id', (ms) => timedId(randomBytes, Number(ms)));
    db.pragma('journal_mode = OFF');
    db.pragma('synchronous = OFF');
    db.pragma('cache_size = -2000000');
    db.exec('BEGIN');
    const result = fill(db);
    db.exec('COMMIT');
    db.pragma('journal_mode = WAL');
    return result;
  } finally {
    db.close();
    flush(path);
  }
}

/** Syncs the file. Otherwise the system would write it during a measurement. */
function flush(path: string): void {
  const file = openSync(path, 'r+');
  fsyncSync(file);
  closeSync(file);
}
