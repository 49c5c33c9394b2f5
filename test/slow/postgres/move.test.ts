import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { TABLES } from '../../../src/move/source.ts';
import { openTarget } from '../../../tools/attack/target.ts';
import { seededRandom } from '../../../tools/random.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { withDatabase } from '../../support/old-database.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';
import { asAdmin, urlOf } from '../../support/postgres-setup.ts';
import { type Process, printedCodes, signIn, signUp } from '../../support/processes.ts';
import { runCommand, runProgram, startProgram } from '../../support/program.ts';
import { ROOT } from '../../support/site.ts';
import { ANN, must, PASSWORD } from '../../support/world.ts';

const SECRET = 'c2VjcmV0IG9mIHRoZSBtb3ZlLCAzMiBieXRlcyBsb25nISE';
const USERS = 20_000;

let shared: Promise<PostgresServer> | undefined;
let made = 0;

afterAll(async () => {
  await (await shared)?.stop();
});

/** Returns the URL of an empty database on a server that syncs. */
async function emptyDatabase(): Promise<string> {
  shared ??= startPostgres(['max_connections=50']);
  const server = await shared;
  made += 1;
  await asAdmin(server.url(), `CREATE DATABASE moved_${made} ENCODING 'UTF8' TEMPLATE template0`);
  return urlOf(server.url(), `moved_${made}`);
}

/** Starts the program on a database. A second one gets the cookies of the first. */
async function startOn(databaseUrl: string, before?: Process): Promise<Process> {
  const env = {
    DATABASE_URL: databaseUrl,
    APP_SECRET: SECRET,
    SMS_SENDER: 'console',
    CODE_RESEND_SECONDS: '0',
  };
  const program = await startProgram(env);
  const target = await openTarget(new URL(program.origin));
  const browser = target.browser();
  onTestFinished(() => browser.close());
  for (const [name, value] of before?.browser.cookies ?? []) browser.cookies.set(name, value);
  return { program, target, browser };
}

async function stop({ program }: Process): Promise<void> {
  program.process.kill('SIGTERM');
  expect(await program.ended()).toBe(0);
}

/** Adds users and events, so that a move takes long enough to be ended in between. */
function addUsers(path: string): void {
  withDatabase(path, (db) => {
    const numbers = `WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ${USERS})`;
    db.exec(`
      INSERT INTO users ${numbers} SELECT 'person-' || n || '@example.com', '+1202555' || n, 'Zoë', 'Lee', 'kdf',
        randomblob(32), randomblob(32), n, n, NULL, NULL, n, 1, 0 FROM n;
      INSERT INTO events ${numbers} SELECT 'key ' || n % 100, n, n FROM n;`);
  });
}

/** A move in its own process, and what it prints. */
function startMove(
  path: string,
  url: string,
): { child: ChildProcess; line: (text: string) => Promise<void> } {
  const folder = temporaryFolder();
  writeFileSync(join(folder, '.env'), '');
  const child = spawn(process.execPath, [join(ROOT, 'dist/commands/move.js'), `file:${path}`, url], {
    cwd: folder,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  return {
    child,
    line: (text) =>
      new Promise((resolve, reject) => {
        const look = () => output.includes(text) && resolve();
        child.stdout.on('data', look);
        child.on('close', () => reject(new Error(`The move has ended: ${output}`)));
        look();
      }),
  };
}

async function countsOf(url: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of TABLES) {
    counts[table] = Number((await asAdmin(url, `SELECT count(*) AS n FROM ${table}`))[0]?.n);
  }
  return counts;
}

test('people stay signed in, devices stay known, and codes on their way stay valid', async () => {
  const path = join(temporaryFolder(), 'users.db');
  const before = await startOn(`file:${path}`);
  expect((await signUp(before, ANN, PASSWORD)).status).toBe(201);
  expect((await signIn(before, before, ANN, PASSWORD)).body.status).toBe('ok');
  const stranger = { ...before, browser: before.target.browser() };
  onTestFinished(() => stranger.browser.close());
  for (let failure = 0; failure < 2; failure += 1) await signIn(before, stranger, ANN, 'wrong');
  const { flow } = (await signIn(before, stranger, ANN, 'wrong')).body;
  await expect.poll(() => printedCodes([before])).toHaveLength(1);

  const url = await emptyDatabase();
  const early = await runCommand('commands/move', [`file:${path}`, url]);
  expect(early).toMatchObject({ code: 1, output: expect.stringContaining(`A program has ${path} open.`) });
  await stop(before);
  const file = readFileSync(path);
  const moved = await runCommand('commands/move', [`file:${path}`, url]);
  expect(moved).toMatchObject({ code: 0, output: expect.stringContaining('Moved 1 account.') });
  expect(moved.output).not.toContain(new URL(url).password);
  expect(readFileSync(path)).toEqual(file);

  const after = await startOn(url, before);
  expect((await after.browser.get('/about')).text).toContain('signed in as');
  const elsewhere = { ...after, browser: after.target.browser() };
  onTestFinished(() => elsewhere.browser.close());
  // Unknown devices are still locked, and the known one is not.
  expect((await signIn(after, elsewhere, ANN, PASSWORD)).body.status).toBe('locked');
  expect((await signIn(after, after, ANN, PASSWORD)).body.status).toBe('ok');
  const form = { username: ANN, flow: must(flow), passcode: must(printedCodes([before])[0]) };
  expect((await elsewhere.browser.post('/verifypasscode', form)).body.status).toBe('ok');
  expect((await signIn(after, elsewhere, ANN, PASSWORD)).body.status).toBe('ok');

  const again = await runCommand('commands/move', [`file:${path}`, url]);
  expect(again).toMatchObject({ code: 1, output: expect.stringContaining('It is in use') });
  expect((await after.browser.get('/about')).text).toContain('signed in as');
});

test('a move that is killed or cut at any moment can be run again, and no server starts on it', async () => {
  const path = join(temporaryFolder(), 'users.db');
  await stop(await startOn(`file:${path}`));
  addUsers(path);
  const url = await emptyDatabase();
  const random = seededRandom(Number(process.env.SEED));
  const moments = ['meta: ', 'users: ', 'codes: ', 'events: ', 'shared_values: '];
  let isServerTried = false;
  for (let round = 0; round < 8; round += 1) {
    const { child, line } = startMove(path, url);
    await line(random.pick(moments));
    if (round % 2 === 0) child.kill('SIGKILL');
    else {
      await asAdmin(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'two-factor-demo move'",
      );
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    // The last moment is so late that the move may be over.
    const isUnfinished = child.exitCode !== 0;
    if (isUnfinished && !isServerTried) {
      isServerTried = true;
      const server = await runProgram({ DATABASE_URL: url, APP_SECRET: SECRET, SMS_SENDER: 'console' });
      expect(await server.ended()).toBe(1);
      expect(server.output()).toContain('A move to it is unfinished.');
    }
  }
  expect(isServerTried).toBe(true);
  const moved = await runCommand('commands/move', [`file:${path}`, url]);
  expect(moved).toMatchObject({ code: 0, output: expect.stringContaining(`Moved ${USERS} accounts.`) });
  const counts = withDatabase(path, (db) =>
    Object.fromEntries(
      TABLES.map((table) => [table, db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()]),
    ),
  );
  expect(await countsOf(url)).toEqual(counts);
  await stop(await startOn(url));
});
