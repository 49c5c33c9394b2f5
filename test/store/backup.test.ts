import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test, vi } from 'vitest';
import { backUp } from '../../src/sqlite/backup.ts';
import { openSqliteStore } from '../../src/sqlite/store.ts';
import { temporaryFolder } from '../support/folder.ts';
import { ROOT } from '../support/site.ts';

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
  await expect(backUp(join(folder, 'missing.db'), copy)).rejects.toThrow(
    /can't be backed up to .*There is no such file\. Check DATABASE_URL/,
  );
  expect(readdirSync(folder).sort()).toEqual(['other.db', 'text.db']);
});

test.each([
  ['copy.db/', /copy\.db\/\. It is the name of a folder\. Name a file\.$/],
  ['missing/copy.db', /The folder .*missing is missing\. Create it/],
  ['n'.repeat(300), /Its name is too long\. Choose another one\.$/],
  ['', /It is the name of a folder/],
])('a backup to %j is refused with a sentence', async (name, sentence) => {
  const { path } = await bigDatabase();
  const folder = temporaryFolder();
  await expect(backUp(path, `${folder}/${name}`)).rejects.toThrow(sentence);
  expect(readdirSync(folder)).toEqual([]);
});

test.skipIf(process.platform !== 'linux')(
  'a backup to a folder without files is refused with a sentence',
  async () => {
    const { path } = await bigDatabase();
    await expect(backUp(path, '/proc/copy.db')).rejects.toThrow(/No file can be made in the folder \/proc\./);
  },
);

test('a backup of a folder is refused with a sentence', async () => {
  const folder = temporaryFolder();
  await expect(backUp(folder, join(folder, 'copy.db'))).rejects.toThrow(/It is not a regular file/);
});

test('a backup never overwrites a file', async () => {
  const { path } = await bigDatabase();
  const copy = join(temporaryFolder(), 'copy.db');
  writeFileSync(copy, 'mine');
  await expect(backUp(path, copy)).rejects.toThrow(/exists already/);
  expect(readFileSync(copy, 'utf8')).toBe('mine');
});

test('a file that appears during a backup is not overwritten', async () => {
  const { path } = await bigDatabase();
  const folder = temporaryFolder();
  const copy = join(folder, 'copy.db');
  duringCopy(() => writeFileSync(copy, 'mine'));
  await expect(backUp(path, copy)).rejects.toThrow(/copy\.db exists already.*Choose another name/);
  expect(readFileSync(copy, 'utf8')).toBe('mine');
  expect(readdirSync(folder)).toEqual(['copy.db']);
});

test('a backup in a folder that other users can write to is never in their reach', async () => {
  const { path } = await bigDatabase();
  const folder = temporaryFolder();
  chmodSync(folder, 0o777);
  const copy = join(folder, 'copy.db');
  symlinkSync(join(folder, 'target'), `${copy}.part`);
  const seen: string[] = [];
  duringCopy(() => {
    for (const name of readdirSync(folder)) {
      const { mode } = statSync(join(folder, name), { throwIfNoEntry: false }) ?? {};
      if (mode !== undefined) seen.push(mode.toString(8));
    }
  });
  await backUp(path, copy);
  expect(seen).toEqual(['40700']);
  expect(statSync(copy).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).sort()).toEqual(['copy.db', 'copy.db.part']);
});

test('a backup through a dangling link is refused', async () => {
  const { path } = await bigDatabase();
  const folder = temporaryFolder();
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'copy.db'));
  await expect(backUp(path, join(folder, 'copy.db'))).rejects.toThrow(/exists already/);
  expect(readdirSync(folder)).toEqual(['copy.db']);
});

test('a backup to a missing folder is refused with what to do', async () => {
  const { path } = await bigDatabase();
  const folder = join(temporaryFolder(), 'missing');
  await expect(backUp(path, join(folder, 'copy.db'))).rejects.toThrow(
    `The folder ${folder} is missing. Create it, or choose another one.`,
  );
});

test.skipIf(process.platform === 'win32')(
  'a backup by a user without rights is refused with what to do',
  async () => {
    const { path } = await bigDatabase();
    const folder = temporaryFolder();
    const open = temporaryFolder();
    chmodSync(open, 0o777);
    for (const name of ['data', 'closed']) mkdirSync(join(folder, name), { mode: 0o755 });
    const database = join(folder, 'data', 'users.db');
    await backUp(path, database);
    chmodSync(folder, 0o755);

    chmodSync(database, 0o644);
    chmodSync(join(folder, 'closed'), 0o555);
    const closed = await backUpAsOther(database, join(folder, 'closed', 'copy.db'));
    expect(closed).toContain(`This user may not write to the folder ${join(folder, 'closed')}.`);

    chmodSync(database, 0o000);
    const unreadable = await backUpAsOther(database, join(open, 'copy.db'));
    expect(unreadable).toContain(
      'This user may not read it. Run the backup as the user that runs the program.',
    );
    expect(readdirSync(open)).toEqual([]);
  },
);

/** Runs the work when SQLite starts to copy. */
function duringCopy(work: () => void): void {
  const backup = Database.prototype.backup;
  vi.spyOn(Database.prototype, 'backup').mockImplementationOnce(function (this: Database.Database, ...args) {
    work();
    return backup.apply(this, args);
  });
  onTestFinished(() => void vi.restoreAllMocks());
}

/** Runs the backup command as a user other than root. Returns what it printed. */
async function backUpAsOther(from: string, to: string): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'commands', 'backup.js'), to], {
    cwd: dirname(from),
    env: { PATH: process.env.PATH, DATABASE_URL: `file:${from}` },
    ...(isRoot && { uid: 65_534, gid: 65_534 }),
  });
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    printed += text;
  });
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(printed.trim().split('\n')).toHaveLength(1);
  return printed;
}
