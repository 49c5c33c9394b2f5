import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { backUp } from '../../src/sqlite/backup.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Creates a database with many pages, and a function that writes to it as another process does. */
async function bigDatabase(): Promise<{ path: string; write: () => void }> {
  const path = join(temporaryFolder(), 'users.db');
  await openSqliteStore(path).close();
  const db = new Database(path);
  onTestFinished(() => void db.close());
  db.pragma('synchronous = OFF');
  const add = db.prepare('INSERT INTO events (key, number, at_ms) VALUES (?, 1, 0)');
  db.transaction(() => {
    for (let row = 0; row < 3000; row += 1) add.run(`${row} ${'x'.repeat(400)}`);
  })();
  let more = 0;
  return { path, write: () => void add.run(`one more ${more++}`) };
}

test('writes during a backup do not restart it', async () => {
  const { path, write } = await bigDatabase();
  const copy = join(temporaryFolder(), 'copy.db');
  let isOver = false;
  let writes = 0;
  const writer = (async () => {
    for (; !isOver && writes < 1000; writes += 1) {
      write();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  expect(await backUp(path, copy)).toBe(0);
  isOver = true;
  await writer;
  expect(writes).toBeLessThan(500);
});

test('a backup opens as a store with the salt key of its original', async () => {
  const { path } = await bigDatabase();
  const copy = join(temporaryFolder(), 'copy.db');
  await backUp(path, copy);
  const [store, restored] = [openSqliteStore(path), openSqliteStore(copy)];
  expect([...restored.saltKey]).toEqual([...store.saltKey]);
  await Promise.all([store.close(), restored.close()]);
});

test('a backup of a foreign, broken or missing database is refused and creates no file', async () => {
  const folder = temporaryFolder();
  const copy = join(folder, 'copy.db');
  const other = new Database(join(folder, 'other.db'));
  other.exec('CREATE TABLE things (id INTEGER)');
  other.close();
  await expect(backUp(join(folder, 'other.db'), copy)).rejects.toThrow(/another program's/);
  writeFileSync(join(folder, 'text.db'), 'no database, but long enough to be looked at as one'.repeat(50));
  await expect(backUp(join(folder, 'text.db'), copy)).rejects.toThrow(/not a database/);
  await expect(backUp(join(folder, 'missing.db'), copy)).rejects.toThrow(/can't be backed up/);
  expect([copy, `${copy}.part`, join(folder, 'missing.db')].filter((path) => existsSync(path))).toEqual([]);
});

test('a backup never overwrites a file', async () => {
  const { path } = await bigDatabase();
  const copy = join(temporaryFolder(), 'copy.db');
  writeFileSync(copy, 'mine');
  await expect(backUp(path, copy)).rejects.toThrow(/exists already/);
  expect(readFileSync(copy, 'utf8')).toBe('mine');
});
