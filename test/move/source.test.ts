import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withoutPassword } from '../../src/move/move.ts';
import { openSource, TABLES, useOf } from '../../src/move/source.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { oldDatabase, withDatabase } from '../support/old-database.ts';
import { runCommand } from '../support/program.ts';

const TARGET = 'postgres://ann:hunter2@127.0.0.1:1/users';

async function newDatabase(): Promise<string> {
  const path = join(temporaryFolder(), 'users.db');
  await openSqliteStore(path).close();
  return path;
}

test('all tables of SQLite are moved, except for the record of its schema', async () => {
  const names = withDatabase(await newDatabase(), (db) =>
    db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all(),
  );
  expect(names.filter((name) => name !== 'migrations').sort()).toEqual([...TABLES].sort());
});

test('a source is seen as it was when it was opened', async () => {
  const path = await newDatabase();
  const source = openSource(path);
  withDatabase(path, (db) => db.exec("INSERT INTO events VALUES ('later', 1, 1)"));
  expect(source.count('events')).toBe(0);
  source.close();
});

test('a source that a program has open is found out', async () => {
  const path = await newDatabase();
  expect(useOf(path)).toBe('closed');
  const store = openSqliteStore(path);
  expect(useOf(path)).toBe(process.platform === 'linux' ? 'open' : 'unknown');
  await store.close();
  expect(useOf(path)).toBe('closed');
});

test('a source of an older schema is refused, and stays as it was', () => {
  const { path } = oldDatabase();
  const before = readFileSync(path);
  expect(() => openSource(path)).toThrow(
    /older version of this program \(schema 4\)\. Start this version on it once/,
  );
  expect(readFileSync(path)).toEqual(before);
});

test.each<[string, (path: string) => unknown, RegExp]>([
  ['no file', () => undefined, /There is no such file/],
  ['an empty file', (path) => writeFileSync(path, ''), /It is empty/],
  ['no database', (path) => writeFileSync(path, 'x'.repeat(5000)), /not a SQLite database/],
  ['a folder', (path) => mkdirSync(path), /not a regular file/],
])('%s is refused with a sentence', (_name, make, sentence) => {
  const path = join(temporaryFolder(), 'users.db');
  make(path);
  expect(() => openSource(path)).toThrow(sentence);
});

test('a URL is printed without its password and its options', () => {
  expect(withoutPassword(`${TARGET}?sslkey=/secret`)).toBe('postgres://ann@127.0.0.1:1/users');
});

test('wrong arguments end the command with status 2, and without a password', async () => {
  const wrong = [
    [],
    ['file:users.db'],
    ['file:users.db', TARGET, TARGET],
    [TARGET, TARGET],
    [TARGET, 'file:users.db'],
    ['file:users.db', 'file:other.db'],
    ['--no', 'file:users.db', TARGET],
  ];
  for (const { code, output } of await Promise.all(wrong.map((args) => runCommand('commands/move', args)))) {
    expect({ code, hasUsage: output.includes('npm run move --') }).toEqual({ code: 2, hasUsage: true });
    expect(output).not.toContain('hunter2');
  }
});

test('a source in use, and a target that does not answer, end the command with status 1', async () => {
  const path = await newDatabase();
  const unreachable = await runCommand('commands/move', [`file:${path}`, TARGET]);
  expect(unreachable.code).toBe(1);
  expect(unreachable.output).toContain('Nothing listens at its host and port.');
  expect(unreachable.output).not.toContain('hunter2');

  const store = openSqliteStore(path);
  const used = await runCommand('commands/move', [`file:${path}`, TARGET]);
  expect(used.code).toBe(1);
  expect(used.output).toMatch(/A program has .*users\.db open/);
  const forced = await runCommand('commands/move', ['--yes', `file:${path}`, TARGET]);
  expect(forced.output).toContain('Nothing listens at its host and port.');
  await store.close();
});
