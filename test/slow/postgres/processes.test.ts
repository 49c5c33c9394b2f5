import { afterAll, describe, expect, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';
import { asAdmin, urlOf } from '../../support/postgres-setup.ts';
import {
  type Process,
  printedCodes,
  signIn,
  signUp,
  startProcesses,
  tally,
  turn,
} from '../../support/processes.ts';
import { ANN, must, PASSWORD } from '../../support/world.ts';

let shared: Promise<PostgresServer> | undefined;
let made = 0;

afterAll(async () => {
  await (await shared)?.stop();
});

/** Returns the URL of a new database on a server that syncs. */
async function database(): Promise<string> {
  shared ??= startPostgres(['max_connections=100']);
  const server = await shared;
  made += 1;
  await asAdmin(server.url(), `CREATE DATABASE processes_${made} ENCODING 'UTF8' TEMPLATE template0`);
  return urlOf(server.url(), `processes_${made}`);
}

const copyCookies = (from: Process, to: Process) => {
  for (const [name, value] of from.browser.cookies) to.browser.cookies.set(name, value);
};

describe.each([2, 4])('%i processes on one database', (count) => {
  test('count three of fifty wrong passwords and send one message, and fifty right codes open once', async () => {
    const processes = await startProcesses(count, await database(), { RATE_LIMITS: 'off' });
    expect((await signUp(turn(processes, 0), ANN, PASSWORD)).status).toBe(201);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        signIn(turn(processes, index + 1), turn(processes, index), ANN, 'wrong'),
      ),
    );
    expect(tally(answers)).toEqual({ '401 wrong': 2, '423 locked': 48 });
    await expect.poll(() => printedCodes(processes)).toHaveLength(1);
    const passcode = must(printedCodes(processes)[0]);

    const flow = must(answers.map(({ body }) => body.flow).find((one) => one !== undefined));
    const form = { username: ANN, flow, passcode };
    const tries = await Promise.all(
      Array.from({ length: 50 }, (_, index) => turn(processes, index).browser.post('/verifypasscode', form)),
    );
    expect(tally(tries)).toEqual({ '200 ok': 1, '410 expired_code': 49 });
    expect(printedCodes(processes)).toHaveLength(1);
  });

  test('make one user of twenty sign-ups of one address', async () => {
    const processes = await startProcesses(count, await database(), { RATE_LIMITS: 'off' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => signUp(turn(processes, index), ANN, `password ${index}`)),
    );
    expect(tally(answers)).toEqual({ '201 ok': 1, '409 taken': 19 });
    const winner = answers.findIndex(({ status }) => status === 201);
    const signedIn = await signIn(turn(processes, 0), turn(processes, 1), ANN, `password ${winner}`);
    expect(signedIn.body.status).toBe('ok');
  });

  test('accept a session, a device and a code of each other', async () => {
    const processes = await startProcesses(count, await database(), { CODE_RESEND_SECONDS: '0' });
    const [first, last] = [turn(processes, 0), turn(processes, count - 1)];
    await signUp(first, ANN, PASSWORD);
    expect((await signIn(last, first, ANN, PASSWORD)).body.status).toBe('ok');
    for (const other of processes.slice(1)) {
      copyCookies(first, other);
      expect((await other.browser.get('/about')).text).toContain('signed in as');
    }
    // Strangers lock unknown devices, and the known one still signs in at each process.
    const stranger = { ...first, browser: first.target.browser() };
    await signIn(first, stranger, ANN, 'wrong');
    await signIn(first, stranger, ANN, 'wrong');
    const locked = await signIn(first, stranger, ANN, 'wrong');
    expect((await signIn(first, last, ANN, PASSWORD)).body.status).toBe('ok');

    await expect.poll(() => printedCodes(processes)).toHaveLength(1);
    const form = { username: ANN, flow: must(locked.body.flow), passcode: must(printedCodes(processes)[0]) };
    const elsewhere = { ...last, browser: last.target.browser() };
    expect((await elsewhere.browser.post('/verifypasscode', form)).body.status).toBe('ok');
    expect((await signIn(first, elsewhere, ANN, PASSWORD)).body.status).toBe('ok');
    elsewhere.browser.close();
    stranger.browser.close();
  });
});

test('a process with another APP_SECRET is refused at the start', async () => {
  const url = await database();
  await startProcesses(1, url);
  await expect(startProcesses(1, url)).rejects.toThrow(
    /APP_SECRET is not the one that this database was used with/,
  );
});

test('a process that is killed loses nothing that it has answered, and holds no lock', async () => {
  const url = await database();
  const [victim, other] = (await startProcesses(2, url, { RATE_LIMITS: 'off' })) as [Process, Process];
  const answered: string[] = [];
  let isOver = false;
  const lanes = Array.from({ length: 12 }, async (_, lane) => {
    for (let count = 0; !isOver; count += 1) {
      const email = `person-${lane}-${count}@example.com`;
      const answer = await signUp(victim, email, PASSWORD).catch(() => undefined);
      if (answer?.status === 201) answered.push(email);
      if (answer === undefined) return;
    }
  });
  await expect.poll(() => answered.length).toBeGreaterThan(50);
  victim.program.process.kill('SIGKILL');
  await victim.program.ended();
  isOver = true;
  await Promise.all(lanes);

  const accounts = await asAdmin(url, 'SELECT email FROM users');
  const emails = new Set(accounts.map(({ email }) => email));
  expect(answered.filter((email) => !emails.has(email))).toEqual([]);
  await expect
    .poll(() =>
      asAdmin(
        url,
        "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'tuple' OR state LIKE 'idle in%'",
      ),
    )
    .toEqual([]);
  const again = await Promise.all(
    Array.from({ length: 12 }, (_, lane) => signIn(other, other, `person-${lane}-0@example.com`, PASSWORD)),
  );
  expect(tally(again)).toEqual({ '200 ok': 12 });
});
