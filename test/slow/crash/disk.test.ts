import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
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
import { oldDatabase, pad, rowsOf } from '../../support/old-database.ts';
import { runProgram, startProgram } from '../../support/program.ts';
import { ROOT } from '../../support/site.ts';
import { openScene } from './trouble.ts';

/** Runs the command behind it with its working folder on a small disk of its own. */
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
/** Runs the command behind it with its working folder on a read-only disk. */
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
const NO_MOUNT = 'This system does not allow users to mount disks (unshare).';
const canMount = () => works(ON_SMALL_DISK[0] as string, [...ON_SMALL_DISK.slice(1), 'true']);

test.each(['IMMEDIATE', 'EXCLUSIVE'])(
  'while another process holds the database (BEGIN %s), requests get `unavailable` in time and change nothing',
  async (mode) => {
    const folder = temporaryFolder();
    const scene = await openScene(folder);
    const other = new Database(join(folder, 'data', 'users.db'), { timeout: 1000 });
    onTestFinished(() => void other.close());
    other.exec(`BEGIN ${mode}`);
    // Later requests do not wait behind earlier ones.
    await Promise.all([scene.expectUnavailable(), setTimeout(1500).then(scene.expectUnavailable)]);
    other.exec('COMMIT');
    await scene.expectAnswers();
  },
);

test('requests wait for a database that another process holds for a moment', async () => {
  const folder = temporaryFolder();
  const scene = await openScene(folder);
  const other = new Database(join(folder, 'data', 'users.db'), { timeout: 1000 });
  onTestFinished(() => void other.close());
  other.exec('BEGIN IMMEDIATE');
  const answered = scene.expectAnswers();
  await setTimeout(2000);
  other.exec('COMMIT');
  await answered;
});

test('with a full disk, requests get `unavailable` in time and change nothing', async (context) => {
  if (!canMount()) context.skip(NO_MOUNT);
  const folder = realpathSync(temporaryFolder());
  const seen = ({ process }: { process: ChildProcess }) => `/proc/${process.pid}/root${folder}`;
  const scene = await openScene(folder, ON_SMALL_DISK, seen);
  const filler = join(seen(scene.program), 'filler');
  fill(filler);
  await scene.expectUnavailable();
  await scene.expectUnavailable();
  rmSync(filler);
  await scene.expectAnswers();
});

test('with files that may not grow, requests get `unavailable` in time and change nothing', async (context) => {
  if (!works('prlimit', ['--version'])) context.skip('This system has no prlimit (util-linux).');
  const folder = temporaryFolder();
  const scene = await openScene(folder);
  const limit = (bytes: string) =>
    execFileSync('prlimit', ['--pid', String(scene.program.process.pid), `--fsize=${bytes}:`]);
  // The limit is inside the next page, so that its write is cut.
  limit(String(statSync(join(folder, 'data', 'users.db-wal')).size + 3000));
  await scene.expectUnavailable();
  await scene.expectUnavailable();
  limit('unlimited');
  await scene.expectAnswers();
});

test.for([
  ['is read-only', 'pwrite64', 'EROFS'],
  ['fails to write', 'pwrite64', 'EIO'],
  ['fails to sync', 'fsync,fdatasync', 'EIO'],
] as const)(
  'with a disk that %s, requests get `unavailable` in time and change nothing',
  async ([, calls, error], context) => {
    const folder = realpathSync(temporaryFolder());
    const scene = await openScene(folder);
    const mend = await breakCalls(scene.program.process, join(folder, 'data'), calls, error);
    if (mend === undefined)
      return context.skip('This system has no strace, or strace may not attach to a program.');
    await scene.expectUnavailable();
    await scene.expectUnavailable();
    await mend();
    await scene.expectAnswers();
  },
);

test("commits go on while the log can't be copied into the database, and later the log is short again", async (context) => {
  const folder = realpathSync(temporaryFolder());
  const path = join(folder, 'users.db');
  const program = join(folder, 'program.mjs');
  const built = (name: string) => JSON.stringify(pathToFileURL(join(ROOT, 'dist/sqlite', name)));
  writeFileSync(
    program,
    `import { openSqliteStore } from ${built('store.js')};
    const store = openSqliteStore(${JSON.stringify(path)});
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
  if (mend === undefined)
    return context.skip('This system has no strace, or strace may not attach to a program.');
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

test('a start on a read-only disk is refused in a sentence, and succeeds on a writable one', async (context) => {
  if (!canMount()) context.skip(NO_MOUNT);
  const folder = temporaryFolder();
  const first = await startProgram({}, folder);
  first.process.kill('SIGTERM');
  await first.ended();
  const refused = await runProgram({}, folder, ON_READ_ONLY_DISK);
  expect(await refused.ended()).toBe(1);
  expect(refused.output()).toMatch(
    /The database \S+users\.db \(DATABASE_URL\) can't be used\. .*the disk is read-only/,
  );
  expect(refused.output()).not.toContain('    at ');
  await startProgram({}, folder);
});

test.for([
  ['its copy', 1.5],
  ['its changes', 2.2],
] as const)(
  'an upgrade without room for %s is refused in a sentence and changes nothing',
  async ([, times], context) => {
    if (!canMount()) context.skip(NO_MOUNT);
    const { folder: source, path } = oldDatabase();
    pad(path, 500);
    const before = rowsOf(path);
    const after = temporaryFolder();
    // The small disk hides the folder that it is on, and ends with its program. It has room for `times` the database.
    const filler = 3 * 1024 ** 2 - Math.round(times * statSync(path).size);
    const script = `mkdir -m 700 data; cp ${source}/users.db data; head -c ${filler} /dev/zero > filler
      timeout 20 "$@"; code=$?; cp -r data ${after}; exit $code`;
    const refused = await runProgram({}, temporaryFolder(), [...ON_SMALL_DISK, 'sh', '-c', script, 'sh']);
    expect(await refused.ended()).toBe(1);
    expect(refused.output()).toMatch(
      /^The database \S+ \(DATABASE_URL\) can't be used\. The disk is full\. Nothing was changed\. Make at least \d+ MiB free/,
    );
    expect(readdirSync(join(after, 'data'))).toEqual(['users.db']);
    expect(rowsOf(join(after, 'data', 'users.db'))).toEqual(before);
  },
);

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

/** Makes system calls on database files fail. Returns a function that ends this, or undefined without strace. */
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
