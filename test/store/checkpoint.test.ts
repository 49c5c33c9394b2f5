import { existsSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from '../support/folder.ts';

const ROWS = 200;
const ROUNDS = 100;

test('the write-ahead log stays short under steady writes, and no row is lost', async () => {
  const path = join(temporaryFolder(), 'users.db');
  const store = openSqliteStore(path);
  const reader = new Database(path);
  onTestFinished(() => void reader.close());
  const pages = reader.prepare<[], { log: number }>('PRAGMA wal_checkpoint(NOOP)');
  let most = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const keys = Array.from({ length: ROWS }, (_, row) => `${round} ${row} ${'x'.repeat(400)}`);
    await store.transact((tx) => tx.countEvent(keys, round + 1));
    most = Math.max(most, pages.get()?.log ?? 0);
  }
  expect(most).toBeGreaterThan(100);
  expect(most).toBeLessThan(1500);
  expect(reader.prepare('SELECT count(*) FROM events').pluck().get()).toBe(ROUNDS * ROWS);
  reader.close();
  await store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
});
