import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ROOT } from '../support/site.ts';

const WORKER = pathToFileURL(join(ROOT, 'dist/sqlite/checkpoint-worker.js'));
const PAGE_BYTES = 4096;
/** Writing waits from 4000 pages on; a batch and a copy that began before it come on top. */
const MOST_PAGES = 6000;

function opened(script = WORKER) {
  const path = join(temporaryFolder(), 'users.db');
  const store = openSqliteStore(path, { checkpointScript: script });
  /** So many commits, each of some forty pages. */
  const write = async (commits: number, first = 0) => {
    for (let commit = first; commit < first + commits; commit += 1) {
      await store.transact(async (tx) => {
        const keys = Array.from({ length: 200 }, (_, row) => `${commit} ${row} ${'x'.repeat(400)}`);
        await tx.countEvent(keys, commit + 1);
      });
    }
  };
  const logPages = () => statSync(`${path}-wal`).size / PAGE_BYTES;
  return { path, store, write, logPages };
}

function countIn(path: string): number {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare('SELECT count(*) FROM events').pluck().get() as number;
  } finally {
    db.close();
  }
}

test('the log begins anew under steady writes, and all that was written is kept', async () => {
  const { path, store, write, logPages } = opened();
  let most = 0;
  for (let round = 0; round < 20; round += 1) {
    await write(20, round * 20);
    most = Math.max(most, logPages());
  }
  expect(most).toBeLessThan(MOST_PAGES);
  expect(countIn(path)).toBe(20 * 20 * 200);
  await store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(countIn(path)).toBe(20 * 20 * 200);
});

test('somebody who reads an old state keeps no writer waiting, and the log begins anew after that', async () => {
  const { path, store, write, logPages } = opened();
  onTestFinished(() => store.close());
  await write(1);
  const reader = new Database(path, { readonly: true });
  onTestFinished(() => void reader.close());
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM events').get();
  await write(250, 1);
  const grown = logPages();
  expect(grown).toBeGreaterThan(MOST_PAGES);
  reader.exec('COMMIT');
  await write(250, 251);
  expect(logPages()).toBeLessThan(grown * 1.5);
  expect(countIn(path)).toBe(501 * 200);
});

test.each([
  ['can not start', new URL('data:text/javascript,throw new Error("broken")')],
  ['is not there', pathToFileURL(join(ROOT, 'dist/sqlite/nothing.js'))],
])('a thread that %s leaves the log to SQLite, and nothing is lost', async (_, script) => {
  const { path, store, write } = opened(script);
  await write(50);
  await store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(countIn(path)).toBe(50 * 200);
});
