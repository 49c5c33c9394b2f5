import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../src/sqlite/migrations.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import {
  COPY,
  NEWEST,
  oldDatabase,
  pad,
  rowsOf,
  schemaOf,
  start,
  startProcess,
  withDatabase,
} from '../support/old-database.ts';

describe('an upgrade', () => {
  test('first copies the database, and says what it did', async () => {
    const { folder, path } = oldDatabase();
    const before = rowsOf(path);
    expect(await start(path)).toEqual([
      `${path}: upgraded from schema 4 to ${NEWEST}. ${path}.before-${NEWEST} is a copy from before.`,
    ]);
    expect(rowsOf(path)).toEqual({ ...before, schema: NEWEST });
    expect(rowsOf(join(folder, COPY))).toEqual(before);
    expect(statSync(join(folder, COPY)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['users.db', COPY]);
    expect(await start(path)).toEqual([]);
  });

  test('copies what is still in the write-ahead log', async () => {
    const { folder, path } = oldDatabase();
    const crashed = temporaryFolder();
    withDatabase(path, (db) => {
      db.pragma('journal_mode = WAL');
      db.exec("INSERT INTO events VALUES ('in the log', 1, 0)");
      cpSync(folder, crashed, { recursive: true });
    });
    expect(statSync(join(crashed, 'users.db-wal')).size).toBeGreaterThan(0);
    await start(join(crashed, 'users.db'));
    const found = withDatabase(join(crashed, COPY), (db) =>
      db.prepare("SELECT key FROM events WHERE key = 'in the log'").pluck().get(),
    );
    expect(found).toBe('in the log');
  });

  test('keeps the two newest copies, and touches no file of another name', async () => {
    const { folder, path } = oldDatabase();
    const others = [
      'users.db.before-',
      'users.db.before-2.mine',
      'users.db.before-two',
      'other.db.before-1',
      'users.db.before-3',
      'users.db.before-2026',
    ];
    for (const name of ['users.db.before-1', 'users.db.before-2']) copyFileSync(path, join(folder, name));
    for (const name of others) writeFileSync(join(folder, name), name);
    await start(path);
    const left = readdirSync(folder).filter((name) => name !== 'users.db');
    expect(left.sort()).toEqual([COPY, 'users.db.before-2', ...others].sort());
    for (const name of others) expect(readFileSync(join(folder, name), 'utf8')).toBe(name);
  });

  test('makes no copy of a new database', async () => {
    const folder = temporaryFolder();
    expect(await start(join(folder, 'users.db'))).toEqual([]);
    expect(readdirSync(folder)).toEqual(['users.db']);
  });

  test('is all or nothing: after a step that fails the file is as it was', () => {
    const { folder, path } = oldDatabase();
    // The last migration that is not the first one finds its table taken.
    withDatabase(path, (db) => db.exec('CREATE TABLE lockouts (mine INTEGER)'));
    const before = readFileSync(path);
    expect(() => openSqliteStore(path)).toThrow(/lockouts/);
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['users.db']);
  });

  test('of a table that no version made is refused before anything changes', () => {
    const { folder, path } = oldDatabase();
    withDatabase(path, (db) => db.exec('ALTER TABLE users ADD COLUMN hobby TEXT'));
    const before = readFileSync(path);
    expect(() => openSqliteStore(path)).toThrow(
      /records schema 4, but these tables differ from that: users\. Nothing was changed\. Restore a backup/,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(['users.db']);
  });

  test("keeps an operator's own tables and indexes", async () => {
    const { path } = oldDatabase('at-2202665');
    withDatabase(path, (db) => {
      db.exec('CREATE TABLE notes (text TEXT); CREATE INDEX my_index ON codes (email)');
    });
    await start(path);
    expect(schemaOf(path)).toBe(NEWEST);
    expect(withDatabase(path, (db) => db.pragma('table_list(notes)'))).toHaveLength(1);
  });

  test('is done by one of several processes that start at once, and the others wait', async () => {
    const { folder, path } = oldDatabase();
    pad(path);
    const before = rowsOf(path);
    const starts = Array.from({ length: 4 }, () => startProcess(path));
    expect(await Promise.all(starts.map(({ ended }) => ended()))).toEqual([0, 0, 0, 0]);
    expect(starts.filter((one) => one.printed().includes('upgraded from schema 4'))).toHaveLength(1);
    expect(rowsOf(path)).toEqual({ ...before, schema: NEWEST });
    expect(rowsOf(join(folder, COPY))).toEqual(before);
  });

  test('waits for another process, and says so', async () => {
    const { path } = oldDatabase();
    const other = new Database(path);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    const waiting = startProcess(path);
    await expect
      .poll(waiting.printed)
      .toContain('Another process holds the database. This start waits for it');
    other.exec('COMMIT');
    expect(await waiting.ended()).toBe(0);
    expect(schemaOf(path)).toBe(NEWEST);
  });

  test('of a database that a newer version has upgraded during the wait is refused', async () => {
    const { path } = oldDatabase();
    const other = new Database(path);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    migrate(other, 0);
    other.exec("INSERT INTO migrations VALUES (99, 'from the future', 0)");
    const waiting = startProcess(path);
    await expect.poll(waiting.printed).toContain('This start waits for it');
    other.exec('COMMIT');
    expect(await waiting.ended()).toBe(1);
    expect(waiting.printed()).toContain('newer version of this program (schema 99');
  });

  test.skipIf(process.getuid?.() === 0)('without a copy does not happen', () => {
    const { folder, path } = oldDatabase();
    chmodSync(folder, 0o500);
    onTestFinished(() => chmodSync(folder, 0o700));
    expect(() => openSqliteStore(path)).toThrow(/can't be used/);
    expect(schemaOf(path)).toBe(4);
  });

  test.each<[string, string, (name: string) => void]>([
    ['users.db.upgrading', 'a file', (name) => writeFileSync(name, 'mine')],
    ['users.db.upgrading', 'a folder', (name) => cpSync(import.meta.dirname, name, { recursive: true })],
    ['users.db.upgrading', 'a link', (name) => symlinkSync(dirname(name), name)],
    [COPY, 'a file', (name) => writeFileSync(name, 'mine')],
    [COPY, 'a folder', (name) => mkdirSync(name)],
  ])('is refused if the name %s is taken by %s, which stays', (name, _, make) => {
    const { folder, path } = oldDatabase();
    make(join(folder, name));
    const all = () => readdirSync(folder, { recursive: true }).sort();
    const before = all();
    expect(() => openSqliteStore(path)).toThrow(
      `${join(folder, name)} is not of this program. Move it away, and start again.`,
    );
    expect(all()).toEqual(before);
    expect(schemaOf(path)).toBe(4);
  });

  test('replaces the copy of an earlier upgrade to the same schema', async () => {
    const { folder, path } = oldDatabase();
    copyFileSync(path, join(folder, COPY));
    withDatabase(path, (db) => db.exec("INSERT INTO events VALUES ('since', 1, 0)"));
    const before = rowsOf(path);
    await start(path);
    expect(rowsOf(join(folder, COPY))).toEqual(before);
  });

  test('replaces the half copy of an upgrade that did not finish', async () => {
    const { folder, path } = oldDatabase();
    mkdirSync(join(folder, 'users.db.upgrading'));
    writeFileSync(join(folder, 'users.db.upgrading', 'users.db'), 'half');
    await start(path);
    expect(schemaOf(join(folder, COPY))).toBe(4);
    expect(existsSync(join(folder, 'users.db.upgrading'))).toBe(false);
  });
});

test.skipIf(process.platform === 'win32')(
  'files and folders that other users can read are named',
  async () => {
    const folder = join(temporaryFolder(), 'data');
    const path = join(folder, 'users.db');
    expect(await start(path)).toEqual([]);
    expect([folder, path].map((name) => statSync(name).mode & 0o777)).toEqual([0o700, 0o600]);
    chmodSync(folder, 0o755);
    expect(await start(path)).toEqual([
      `Note: other users can read ${folder}. Make them private: chmod go= ${folder}`,
    ]);
    chmodSync(path, 0o640);
    expect(await start(path)).toEqual([
      `Note: other users can read ${folder} and ${path}. Make them private: chmod go= ${folder} ${path}`,
    ]);
  },
);
