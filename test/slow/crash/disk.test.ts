import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../support/folder.ts';
import { runProgram, startProgram } from '../../support/program.ts';
import { ROOT } from '../../support/site.ts';
import { openVillage } from './trouble.ts';

/** Runs the command behind it on a small disk of its own at the folder it starts in, gone with the process. */
const ON_SMALL_DISK = [
  'unshare',
  '--user',
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs -o size=3m none "$PWD" && cd "$PWD" && exec "$@"',
  'sh',
];
/** Runs the command behind it with the folder that it starts in on a disk that can only be read. */
const ON_READ_ONLY_DISK = [
  ...ON_SMALL_DISK.slice(0, 6),
  'mount --bind "$PWD" "$PWD" && mount -o remount,bind,ro "$PWD" && cd "$PWD" && exec "$@"',
  'sh',
];

const works = (command: string, args: readonly string[]) => {
  try {
    execFileSync(command, args, { stdio: 'ignore', cwd: temporaryFolder() });
    return true;
  } catch {
    return false;
  }
};
const NO_MOUNT = 'This system lets no user mount a disk of their own (unshare).';
const canMount = () => works(ON_SMALL_DISK[0] as string, [...ON_SMALL_DISK.slice(1), 'true']);

test.each(['IMMEDIATE', 'EXCLUSIVE'])(
  'a database that another process holds (BEGIN %s) is unavailable in time, changes nothing, and mends by itself',
  async (mode) => {
    const folder = temporaryFolder();
    const village = await openVillage(folder);
    const other = new Database(join(folder, 'data', 'users.db'), { timeout: 1000 });
    onTestFinished(() => void other.close());
    other.exec(`BEGIN ${mode}`);
    // Those who come later are not kept waiting by those who came first.
    await Promise.all([village.expectUnavailable(), setTimeout(1500).then(village.expectUnavailable)]);
    other.exec('COMMIT');
    await village.expectGranted();
  },
);

test('a database that another process holds for a moment is waited for', async () => {
  const folder = temporaryFolder();
  const village = await openVillage(folder);
  const other = new Database(join(folder, 'data', 'users.db'), { timeout: 1000 });
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  const granted = village.expectGranted();
  await setTimeout(2000);
  other.exec('COMMIT');
  await granted;
});

test('a full disk is unavailable in time, changes nothing, and mends by itself', async (context) => {
  if (!canMount()) context.skip(NO_MOUNT);
  const folder = realpathSync(temporaryFolder());
  const seen = ({ process }: { process: ChildProcess }) => `/proc/${process.pid}/root${folder}`;
  const village = await openVillage(folder, ON_SMALL_DISK, seen);
  const filler = join(seen(village.program), 'filler');
  fill(filler);
  await village.expectUnavailable();
  await village.expectUnavailable();
  rmSync(filler);
  await village.expectGranted();
});

test('files that may not grow are unavailable in time, change nothing, and mend by themselves', async (context) => {
  if (!works('prlimit', ['--version'])) context.skip('There is no prlimit (util-linux).');
  const folder = temporaryFolder();
  const village = await openVillage(folder);
  const limit = (bytes: string) =>
    execFileSync('prlimit', ['--pid', String(village.program.process.pid), `--fsize=${bytes}:`]);
  // In the middle of the next page, so that its write is done in part.
  limit(String(statSync(join(folder, 'data', 'users.db-wal')).size + 3000));
  await village.expectUnavailable();
  await village.expectUnavailable();
  limit('unlimited');
  await village.expectGranted();
});

test.for([
  ['can only be read', 'pwrite64', 'EROFS'],
  ['fails to write', 'pwrite64', 'EIO'],
  ['fails to sync', 'fsync,fdatasync', 'EIO'],
] as const)(
  'a disk that %s is unavailable in time, changes nothing, and mends by itself',
  async ([, calls, error], context) => {
    const folder = realpathSync(temporaryFolder());
    const village = await openVillage(folder);
    const mend = await breakCalls(village.program.process, join(folder, 'data'), calls, error);
    if (mend === undefined) return context.skip('There is no strace, or it may not attach to a program.');
    await village.expectUnavailable();
    await village.expectUnavailable();
    await mend();
    await village.expectGranted();
  },
);

test('a disk that refuses what the log is copied to holds nobody up, and the log is short again once it is mended', async (context) => {
  const folder = realpathSync(temporaryFolder());
  const path = join(folder, 'users.db');
  const program = join(folder, 'program.mjs');
  const built = (name: string) => JSON.stringify(pathToFileURL(join(ROOT, 'dist/sqlite', name)));
  writeFileSync(
    program,
    `import { openSqliteStore } from ${built('store.js')};
    const onFault = (error) => { throw error; };
    const checkpoints = { script: new URL(${built('checkpoint-worker.js')}), onFault };
    const store = openSqliteStore(${JSON.stringify(path)}, { checkpoints });
    let isOver = false;
    process.once('SIGTERM', () => { isOver = true; });
    for (let commit = 0; !isOver; commit += 1) {
      const keys = Array.from({ length: 200 }, (_, row) => [commit, row, 'x'.repeat(400)].join(' '));
      await store.transact((tx) => tx.countEvent(keys, 1));
      console.log(commit + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await store.close();`,
  );
  const process = spawn(globalThis.process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void process.kill('SIGKILL'));
  const ended = new Promise((resolve) => process.once('close', resolve));
  let printed = '';
  process.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  const commits = () => Number(printed.trim().split('\n').at(-1));
  await expect.poll(commits).toBeGreaterThan(0);
  const db = new Database(path, { readonly: true });
  onTestFinished(() => void db.close());
  const logPages = () => (db.pragma('wal_checkpoint(NOOP)') as { log: number }[])[0]?.log ?? 0;

  const mend = await breakCalls(process, folder, 'pwrite64', 'EIO', ['users.db']);
  if (mend === undefined) return context.skip('There is no strace, or it may not attach to a program.');
  await expect.poll(logPages, { timeout: 60_000 }).toBeGreaterThan(9000);
  await mend();
  await expect.poll(logPages, { timeout: 60_000 }).toBeLessThan(4000);
  process.kill('SIGTERM');
  db.close();
  expect(await ended).toBe(0);
  expect(existsSync(`${path}-wal`)).toBe(false);
  const left = new Database(path, { readonly: true });
  onTestFinished(() => void left.close());
  expect(left.pragma('integrity_check', { simple: true })).toBe('ok');
  expect(left.prepare('SELECT count(*) FROM events').pluck().get()).toBe(commits() * 200);
});

test('a start on a disk that can only be read is refused in a sentence, and goes well once it can be written', async (context) => {
  if (!canMount()) context.skip(NO_MOUNT);
  const folder = temporaryFolder();
  const first = await startProgram({}, folder);
  first.process.kill('SIGTERM');
  await first.ended();
  const refused = await runProgram({}, folder, ON_READ_ONLY_DISK);
  expect(await refused.ended()).toBe(1);
  expect(refused.output()).toMatch(
    /The database \S+users\.db \(DATABASE_URL\) can't be used\. .*(readonly|unable to open)/,
  );
  expect(refused.output()).not.toContain('    at ');
  await startProgram({}, folder);
});

/** Writes a file until the disk has no byte left. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  for (const size of [65_536, 4096, 1]) {
    try {
      while (writeSync(file, Buffer.alloc(size, 1)) > 0);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
  closeSync(file);
}

/** Makes system calls of a process on the database of a folder, or on the files `names` of it, fail; answers how to end that, or nothing where it can't be done. */
async function breakCalls(
  { pid }: ChildProcess,
  folder: string,
  calls: string,
  error: string,
  names: readonly string[] = ['users.db', 'users.db-wal'],
): Promise<(() => Promise<void>) | undefined> {
  const files = names.flatMap((name) => ['-P', join(folder, name)]);
  const strace = spawn('strace', [
    ...['-f', '-p', String(pid), '-o', '/dev/null', ...files],
    ...['-e', `trace=${calls}`, '-e', `inject=${calls}:error=${error}`],
  ]);
  const ended = new Promise<void>((resolve) =>
    strace.once('error', () => resolve()).once('close', () => resolve()),
  );
  const mend = async () => {
    strace.kill('SIGINT');
    await ended;
  };
  onTestFinished(mend);
  let printed = '';
  await new Promise<void>((resolve) => {
    strace.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
      if (printed.includes('attached')) resolve();
    });
    void ended.then(resolve);
  });
  if (!printed.includes('attached')) return undefined;
  return mend;
}
