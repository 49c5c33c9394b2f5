import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { move } from '../../../src/move/move.ts';
import { openSource, TABLES } from '../../../src/move/source.ts';
import { openPostgresStore } from '../../../src/postgres/store.ts';
import { openSqliteStore } from '../../../src/sqlite/store.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { withDatabase } from '../../support/old-database.ts';
import { newDatabase } from '../../support/postgres.ts';
import { asAdmin } from '../../support/postgres-setup.ts';

/** Texts that are written differently in SQL, JSON and arrays. */
const TEXTS = ['Zoë "Z" O\\\'Neil', '{a,b}', 'NULL', '', '\n\t\u0001\u007f', '😀 漢', '\\x00', ' , '];

/** Returns the path of a database with rows of each table. */
async function source(rows = TEXTS.length): Promise<string> {
  const path = join(temporaryFolder(), 'users.db');
  await openSqliteStore(path).close();
  withDatabase(path, (db) => {
    const add = (table: string, values: unknown[]) =>
      db.prepare(`INSERT INTO ${table} VALUES (${values.map(() => '?').join()})`).run(...values);
    db.exec('BEGIN');
    for (let n = 0; n < rows; n += 1) {
      const text = TEXTS[n % TEXTS.length];
      const email = `person-${n}@example.com`;
      const phone = n % 2 ? 1_700_000_000_000 + n : null;
      add('users', [
        email,
        '+1',
        text,
        text,
        'kdf',
        Buffer.from([n % 256, 0, 255]),
        Buffer.alloc(32, n),
        n,
        n,
        phone,
        phone,
        7,
        n % 2,
        n,
      ]);
      add('seeds', [`seed ${rows - n}`, text, email, '', n]);
      add('lockouts', [email, '', n, n % 2, n]);
      add('codes', [
        `code ${rows - n}`,
        email,
        'reset',
        '',
        n,
        n,
        n,
        n % 2,
        'sent',
        phone && text,
        0,
        n,
        1,
        0,
        '+1',
      ]);
      add('flows', [`flow ${n}`, `code ${rows - n}`, n % 2]);
      add('devices', [email, `hash ${n}`, text, n, n, n, n, text, text]);
      add('sessions', [`hash ${n}`, email, n, n, 7, 'id', '', n, text, text]);
      add('events', [`key ${text}`, n + 1, n]);
      add('shared_values', [`key ${n}`, text, n]);
    }
    db.exec('COMMIT');
  });
  return path;
}

const quiet = () => undefined;

test('all rows are copied, with every character and the salt key, and the source stays as it was', async () => {
  const path = await source();
  const url = await newDatabase(true);
  const before = readFileSync(path);
  const lines: string[] = [];
  expect(await move(path, url, (line) => lines.push(line))).toBe(TEXTS.length);
  expect(readFileSync(path)).toEqual(before);
  expect(lines).toEqual([
    'meta: 1 rows',
    ...TABLES.slice(1).map((table) => `${table}: ${TEXTS.length} rows`),
    'All counts and checksums are equal.',
  ]);

  const [fromSqlite, fromPostgres] = [openSqliteStore(path), await openPostgresStore(url)];
  expect(fromPostgres.saltKey).toEqual(fromSqlite.saltKey);
  await Promise.all([fromSqlite.close(), fromPostgres.close()]);
  const names = await asAdmin(url, 'SELECT fname, is_finished, stored_key FROM users ORDER BY created_at_ms');
  expect(names.map(({ fname }) => fname)).toEqual(TEXTS);
  expect(names.map((row) => row.is_finished)).toEqual(TEXTS.map((_, n) => n % 2 === 1));
  expect(names.map((row) => row.stored_key)).toEqual(TEXTS.map((_, n) => Buffer.from([n, 0, 255])));
  // The order of their rows decides which seeds are dropped, and which of two codes is newer.
  for (const table of ['seeds', 'codes']) {
    const inOrder = withDatabase(path, (db) =>
      db.prepare(`SELECT id FROM ${table} ORDER BY rowid`).pluck().all(),
    );
    const moved = await asAdmin(url, `SELECT id FROM ${table} ORDER BY number`);
    expect(moved.map(({ id }) => id)).toEqual(inOrder);
  }
});

test('several batches are copied in their order, and later rows get higher numbers', async () => {
  const path = await source(2500);
  const url = await newDatabase(true);
  await move(path, url, quiet);
  await asAdmin(
    url,
    "INSERT INTO seeds (id, seed, email, network, expires_at_ms) VALUES ('new', '', '', '', 0)",
  );
  const newest = await asAdmin(url, 'SELECT id FROM seeds ORDER BY number DESC LIMIT 2');
  expect(newest.map(({ id }) => id)).toEqual(['new', 'seed 1']);
});

test('the columns of all tables have the same names in SQLite and PostgreSQL', async () => {
  const from = openSource(await source());
  const url = await newDatabase();
  for (const table of TABLES) {
    const columns = await asAdmin(
      url,
      `SELECT column_name AS name FROM information_schema.columns WHERE table_name = '${table}' AND is_identity = 'NO'`,
    );
    expect([table, ...from.columnsOf(table).sort()]).toEqual([
      table,
      ...columns.map(({ name }) => name).sort(),
    ]);
  }
  from.close();
});

test('a move that is run again after it was done changes nothing', async () => {
  const path = await source();
  const url = await newDatabase(true);
  await move(path, url, quiet);
  const lines: string[] = [];
  expect(await move(path, url, (line) => lines.push(line))).toBe(TEXTS.length);
  expect(lines).toEqual([
    'The target has all rows of the source already. All counts and checksums are equal.',
  ]);
});

test('a target that was used since, or before, is refused and stays as it was', async () => {
  const path = await source();
  const moved = await newDatabase(true);
  await move(path, moved, quiet);
  await asAdmin(moved, "UPDATE users SET fname = 'Eve' WHERE email = 'person-1@example.com'");
  await expect(move(path, moved, quiet)).rejects.toThrow(
    /was refused\. It is in use: .* Choose an empty database/,
  );
  expect(await asAdmin(moved, "SELECT count(*)::int FROM users WHERE fname = 'Eve'")).toEqual([{ count: 1 }]);

  const started = await newDatabase();
  const [before] = await asAdmin(started, 'SELECT value FROM meta');
  await expect(move(path, started, quiet)).rejects.toThrow(/It is in use/);
  expect(await asAdmin(started, 'SELECT value FROM meta')).toEqual([before]);
});

test("another program's database is refused and stays as it was", async () => {
  const path = await source();
  const url = await newDatabase(true);
  await asAdmin(url, 'CREATE TABLE users (id int)');
  await expect(move(path, url, quiet)).rejects.toThrow(/was refused\. It is another program's/);
  expect(await asAdmin(url, "SELECT relname FROM pg_class WHERE relname = 'migrations'")).toEqual([]);
});

test('a server refuses to start on an unfinished move, and the move can be run again', async () => {
  const path = await source();
  const url = await newDatabase(true);
  const cut = (line: string) => {
    if (line.startsWith('events')) throw new Error('cut');
  };
  await expect(move(path, url, cut)).rejects.toThrow(/The move to postgres:.* was not done/);
  expect(await asAdmin(url, 'SELECT count(*)::int FROM users')).toEqual([{ count: 0 }]);
  await expect(openPostgresStore(url)).rejects.toThrow(/A move to it is unfinished\. Run the move again/);
  await move(path, url, quiet);
  await (await openPostgresStore(url)).close();
});

test('the second of two moves at once waits for the first, and finds its work done', async () => {
  const path = await source();
  const url = await newDatabase(true);
  let second: Promise<number> | undefined;
  await move(path, url, (line) => {
    if (line.startsWith('meta')) second ??= move(path, url, quiet);
  });
  expect(await second).toBe(TEXTS.length);
  expect(await asAdmin(url, 'SELECT count(*)::int FROM users')).toEqual([{ count: TEXTS.length }]);
});
