import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/sqlite/store.ts';
import { StoreUnavailable } from '../../src/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ROOT } from '../support/site.ts';

const WORKER = pathToFileURL(join(ROOT, 'dist/sqlite/checkpoint-worker.js'));
const STORE = pathToFileURL(join(ROOT, 'dist/sqlite/store.js'));
const ROWS = 200;
/** Writing waits from 4000 pages on; a commit and a copy that began before it come on top. */
const MOST_PAGES = 6000;

const scriptOf = (text: string) => new URL(`data:text/javascript,${encodeURIComponent(text)}`);

function opened(
  options: SqliteStoreOptions & { script?: URL } = {},
  path = join(temporaryFolder(), 'users.db'),
) {
  const { script = WORKER, ...others } = options;
  const faults: string[] = [];
  const checkpoints = { script, onFault: ({ message }: Error) => faults.push(message) };
  const store = openSqliteStore(path, { ...others, checkpoints });
  onTestFinished(() => store.close());
  const write = async (commits: number, name = '') => {
    for (let commit = 0; commit < commits; commit += 1) {
      const keys = Array.from({ length: ROWS }, (_, row) => `${name} ${commit} ${row} ${'x'.repeat(400)}`);
      await store.transact((tx) => tx.countEvent(keys, commit + 1));
    }
  };
  return { path, store, write, faults };
}

/** Another process's connection. */
function reading(path: string) {
  const db = new Database(path, { timeout: 1000 });
  onTestFinished(() => void db.close());
  const pages = db.prepare<[], { log: number }>('PRAGMA wal_checkpoint(NOOP)');
  return {
    db,
    rows: () => db.prepare('SELECT count(*) FROM events').pluck().get() as number,
    logPages: () => pages.get()?.log ?? 0,
  };
}

test('the log begins anew under steady writes, and all that was written meanwhile is kept', async () => {
  const { path, store, write, faults } = opened();
  const { db, rows, logPages } = reading(path);
  let most = 0;
  for (let round = 0; round < 30; round += 1) {
    await write(10, `round ${round}`);
    most = Math.max(most, logPages());
  }
  expect(most).toBeLessThan(MOST_PAGES);
  expect(rows()).toBe(30 * 10 * ROWS);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
  await store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(reading(path).rows()).toBe(30 * 10 * ROWS);
  expect(faults).toEqual([]);
});

test('a close in the middle of a copy keeps all, and ends the thread', async () => {
  const { path, store, write } = opened();
  const { db, logPages } = reading(path);
  let commits = 0;
  for (; logPages() < 1000; commits += 1) await write(1, String(commits));
  db.close();
  await store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
  expect(reading(path).rows()).toBe(commits * ROWS);
});

test('a thread that does not answer keeps neither a writer nor a close for long', async () => {
  const { path, store, write } = opened({ script: scriptOf('setInterval(() => {}, 1000)') });
  const fromMs = performance.now();
  await write(130);
  await store.close();
  expect(performance.now() - fromMs).toBeLessThan(15_000);
  expect(reading(path).rows()).toBe(130 * ROWS);
});

test.each([
  ['can not be made', new URL('http://localhost/nothing.js'), /./],
  ['is not there', pathToFileURL(join(ROOT, 'dist/sqlite/nothing.js')), /nothing\.js/],
  ['can not start', scriptOf('throw new Error("broken")'), /^broken$/],
  [
    'ends in the middle of a copy',
    scriptOf(`import { parentPort } from 'node:worker_threads';
      parentPort.on('message', () => { throw new Error('broken'); });`),
    /^broken$/,
  ],
])(
  'a thread that %s is told of once, SQLite takes its place, and nothing is lost',
  async (_, script, reason) => {
    const warnings: string[] = [];
    const warn = ({ message }: Error) => warnings.push(message);
    process.on('warning', warn);
    onTestFinished(() => void process.off('warning', warn));
    const { path, store, write, faults } = opened({ script });
    const { db, logPages } = reading(path);
    await write(200);
    expect(logPages()).toBeLessThan(MOST_PAGES);
    expect(faults).toEqual([expect.stringMatching(reason)]);
    db.close();
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(reading(path).rows()).toBe(200 * ROWS);
    expect(warnings).toEqual([]);
  },
);

test('somebody who reads an old state keeps no writer waiting, and the log is short again after that', async () => {
  const { path, write } = opened();
  await write(1);
  const reader = reading(path);
  const { logPages } = reading(path);
  reader.db.exec('BEGIN');
  expect(reader.rows()).toBe(ROWS);
  await write(250, 'beside the reader');
  const grown = logPages();
  expect(grown).toBeGreaterThan(2 * MOST_PAGES);
  expect(reader.rows()).toBe(ROWS);
  reader.db.exec('COMMIT');
  await write(100, 'after the reader');
  let most = 0;
  for (let round = 0; round < 15; round += 1) {
    await write(10, `round ${round}`);
    most = Math.max(most, logPages());
  }
  expect(most).toBeLessThan(MOST_PAGES);
  expect(reader.rows()).toBe((1 + 250 + 100 + 150) * ROWS);
});

/** Another program, with a thread of its own, that writes to the file `path` and stops. */
async function otherProgram(path: string, commits: number): Promise<void> {
  const program = join(temporaryFolder(), 'other.mjs');
  writeFileSync(
    program,
    `import { openSqliteStore } from ${JSON.stringify(STORE)};
    const onFault = (error) => { throw error; };
    const checkpoints = { script: new URL(${JSON.stringify(WORKER)}), onFault };
    const store = openSqliteStore(${JSON.stringify(path)}, { patienceMs: 30_000, checkpoints });
    for (let commit = 0; commit < ${commits}; commit += 1) {
      const keys = Array.from({ length: ${ROWS} }, (_, row) => ['other', commit, row, 'x'.repeat(400)].join(' '));
      await store.transact((tx) => tx.countEvent(keys, commit + 1));
    }
    await store.close();`,
  );
  await promisify(execFile)(process.execPath, [program]);
}

test('two programs on one file each have a thread, and lose nothing', async () => {
  const { path, store, write } = opened({ patienceMs: 30_000 });
  await Promise.all([otherProgram(path, 150), write(150, 'own')]);
  const { db, rows } = reading(path);
  expect(rows()).toBe(300 * ROWS);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  db.close();
  await store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);
});

test('a file that may not grow refuses what has no room, and keeps what it took', async () => {
  const { path, store, write } = opened({ maxPages: 1500 });
  await expect(write(100)).rejects.toThrow(StoreUnavailable);
  const { rows } = reading(path);
  const kept = rows();
  expect(kept).toBeGreaterThan(ROWS);
  expect(kept % ROWS).toBe(0);
  expect(await store.transact((tx) => tx.userFor('nobody@example.com'))).toBeUndefined();
  expect(rows()).toBe(kept);
});
