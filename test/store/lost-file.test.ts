import { copyFileSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { backUp } from '../../src/sqlite/backup.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { type Store, StoreUnavailable } from '../../src/store.ts';
import { temporaryFolder } from '../support/folder.ts';

/** Opens a store in a folder of its own, and closes it after the test. */
function opened(): { store: Store; folder: string; path: string } {
  const folder = join(temporaryFolder(), 'data');
  const path = join(folder, 'users.db');
  const store = openSqliteStore(path);
  onTestFinished(() => store.close());
  return { store, folder, path };
}

const fail = (store: Store, email = 'ann') => store.transact((tx) => tx.addFailure(email, '', 0));

test.each<[string, (path: string, folder: string) => void]>([
  ['the folder is deleted', (_path, folder) => rmSync(folder, { recursive: true })],
  ['the folder is moved', (_path, folder) => renameSync(folder, `${folder}.old`)],
  ['the file is deleted', (path) => rmSync(path)],
  ['the write-ahead log is deleted', (path) => rmSync(`${path}-wal`)],
  ['the shared memory is deleted', (path) => rmSync(`${path}-shm`)],
  [
    'another file gets its name',
    (path) => {
      copyFileSync(path, `${path}.new`);
      renameSync(`${path}.new`, path);
    },
  ],
])('if %s under the running program, works are refused', async (_what, lose) => {
  const { store, path, folder } = opened();
  expect(await fail(store)).toBe(1);
  lose(path, folder);
  const refused = await fail(store).catch((error) => error);
  expect(refused).toBeInstanceOf(StoreUnavailable);
  expect(refused.message).toMatch(/deleted, moved or replaced under the running program\. Stop the program/);
  await expect(store.transact((tx) => tx.lockoutFor('ann', ''), { isLasting: false })).rejects.toThrow(
    StoreUnavailable,
  );
});

test('a backup that replaces the files under the running program is not mixed with later answers', async () => {
  const { store, path } = opened();
  await fail(store);
  const copy = join(temporaryFolder(), 'copy.db');
  await backUp(path, copy);
  await fail(store);
  for (const name of [`${path}-wal`, `${path}-shm`]) rmSync(name);
  copyFileSync(copy, path);
  await expect(fail(store)).rejects.toThrow(StoreUnavailable);
});

test('files that are put back are used again', async () => {
  const { store, folder } = opened();
  await fail(store);
  renameSync(folder, `${folder}.old`);
  await expect(fail(store)).rejects.toThrow(StoreUnavailable);
  await expect(fail(store)).rejects.toThrow(StoreUnavailable);
  renameSync(`${folder}.old`, folder);
  expect(await fail(store, 'bob')).toBe(1);
});

test('a start in place of a deleted folder does not serve the old program', async () => {
  const { store, folder, path } = opened();
  await fail(store);
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  const second = openSqliteStore(path);
  await expect(fail(store)).rejects.toThrow(StoreUnavailable);
  expect(await fail(second)).toBe(1);
  await second.close();
});
