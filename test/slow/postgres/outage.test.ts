import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';
import { asAdmin, urlOf } from '../../support/postgres-setup.ts';
import { type Process, signIn, signUp, startProcesses, turn } from '../../support/processes.ts';
import { ANN, PASSWORD } from '../../support/world.ts';

/** A request without an answer by then fails its test. The promise is five seconds. */
const LATE_MS = 8000;

/** Starts a server that syncs, and processes on a database of it. */
async function installation(
  count: number,
  settings: string[] = [],
): Promise<[PostgresServer, string, Process[]]> {
  const server = await startPostgres(['max_connections=60', ...settings]);
  onTestFinished(() => server.stop());
  await asAdmin(server.url(), "CREATE DATABASE app ENCODING 'UTF8' TEMPLATE template0");
  const url = urlOf(server.url(), 'app');
  const processes = await startProcesses(count, url, { RATE_LIMITS: 'off' });
  return [server, url, processes];
}

const inTime = <Value>(answer: Promise<Value>): Promise<Value | 'late'> =>
  Promise.race([answer, setTimeout(LATE_MS, 'late' as const)]);

/** Asks each process for a seed and for pages, as often as there are connections and more. */
async function expectOutage(processes: readonly Process[]): Promise<void> {
  const seeds = Array.from({ length: 15 * processes.length }, async (_, index) => {
    const answer = await inTime(
      turn(processes, index).browser.post('/getseed', { username: `${index}@example.com` }),
    );
    return answer === 'late' ? answer : answer.body.status;
  });
  expect(new Set(await Promise.all(seeds))).toEqual(new Set(['unavailable']));
  for (const { browser } of processes) {
    const page = await inTime(browser.get('/about'));
    expect(page === 'late' ? page : page.status).toBe(200);
  }
}

async function expectMended(processes: readonly Process[]): Promise<void> {
  for (const process of processes) {
    await expect
      .poll(async () => (await signIn(process, process, ANN, PASSWORD)).body.status, { timeout: 20_000 })
      .toBe('ok');
    expect(process.program.process.exitCode).toBeNull();
  }
}

test('PostgreSQL that is killed under load loses nothing that was answered, and the program mends without a restart', async () => {
  const [server, url, processes] = await installation(2);
  await signUp(turn(processes, 0), ANN, PASSWORD);
  const answered: string[] = [];
  let isOver = false;
  const lanes = Array.from({ length: 12 }, async (_, lane) => {
    for (let count = 0; !isOver; count += 1) {
      const email = `person-${lane}-${count}@example.com`;
      const answer = await inTime(signUp(turn(processes, lane), email, PASSWORD));
      expect(answer).not.toBe('late');
      if (answer !== 'late' && answer.status === 201) answered.push(email);
    }
  });
  await expect.poll(() => answered.length).toBeGreaterThan(60);
  server.kill();
  isOver = true;
  await Promise.all(lanes);
  await expectOutage(processes);
  await server.start();
  await expectMended(processes);
  const emails = new Set((await asAdmin(url, 'SELECT email FROM users')).map(({ email }) => email));
  expect(answered.filter((email) => !emails.has(email))).toEqual([]);
});

test('PostgreSQL that does not answer gives bounded answers, and the program mends without a restart', async () => {
  const [server, , processes] = await installation(2);
  await signUp(turn(processes, 0), ANN, PASSWORD);
  server.signalAll('SIGSTOP');
  try {
    await expectOutage(processes);
  } finally {
    server.signalAll('SIGCONT');
  }
  await expectMended(processes);
});

test('PostgreSQL without a free connection gives bounded answers, and the program mends without a restart', async () => {
  const [server, url, processes] = await installation(2, ['superuser_reserved_connections=3']);
  await signUp(turn(processes, 0), ANN, PASSWORD);
  // As a user who may not use the reserved connections would see it: all are taken.
  await asAdmin(server.url(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app'");
  const taken: pg.Client[] = [];
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    const isConnected = await client.connect().then(
      () => true,
      () => false,
    );
    if (!isConnected) break;
    taken.push(client);
  }
  expect(taken.length).toBeGreaterThan(20);
  await expectOutage(processes);
  await Promise.all(taken.map((client) => client.end()));
  await expectMended(processes);
});

test('a lock that another program holds gives bounded answers, and the program mends without a restart', async () => {
  const [, url, processes] = await installation(2);
  await signUp(turn(processes, 0), ANN, PASSWORD);
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query('BEGIN; LOCK TABLE locks IN ACCESS EXCLUSIVE MODE');
  await expectOutage(processes);
  await other.query('ROLLBACK');
  await expectMended(processes);
});
