import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import { openConnection } from './connection.ts';
import { guessPassword, PRODUCT } from './contenders.ts';
import { ROOT, type Server } from './server.ts';

/** The waits of an honest user on a quiet server, and beside a flood of guesses. */
export interface FloodSlice {
  readonly quietP50Ms: number;
  readonly quietP99Ms: number;
  readonly floodP50Ms: number;
  readonly floodP99Ms: number;
  /** Wrong passwords per second that the server checked. */
  readonly checkedPerSecond: number;
  /** Guesses per second that the limit of requests refused. */
  readonly limitedPerSecond: number;
}

/** The guesses per second, as the flood's process reports them. */
type FloodReport = Pick<FloodSlice, 'checkedPerSecond' | 'limitedPerSecond'>;

const NETWORKS = 64;
/** With its two requests, a sign-in every 150 ms stays below the limit of 1000 requests a minute. */
const HONEST_EVERY_MS = 150;
const HONEST_ACCOUNT = 0;
const SETTLING_MS = 1000;

/** Lets one honest user sign in for `seconds` alone, and for `seconds` beside 64 networks of guesses. */
export async function measureFlood(
  server: Server,
  { accounts, seconds }: { accounts: number; seconds: number },
): Promise<FloodSlice> {
  server.wake();
  const { quietMs, besideMs, report } = await measureBeside(server, seconds, ['flood', String(accounts)]);
  server.rest();
  return {
    quietP50Ms: percentile(quietMs, 0.5),
    quietP99Ms: percentile(quietMs, 0.99),
    floodP50Ms: percentile(besideMs, 0.5),
    floodP99Ms: percentile(besideMs, 0.99),
    ...(report as FloodReport),
  };
}

/** Measures an honest user's sign-ins for `seconds` alone, and for `seconds` beside a process of the benchmark. */
export async function measureBeside(
  server: Server,
  seconds: number,
  [command = '', ...args]: readonly string[],
): Promise<{ quietMs: number[]; besideMs: number[]; report: unknown }> {
  const quietMs = await signInRegularly(server.port, '127.0.2.1', seconds);
  // The attack has its own process, so the honest user does not wait for it on the client's side.
  const child = fork(join(ROOT, 'dist', 'bench.js'), [command, String(server.port), ...args]);
  await nextMessage(child);
  const besideMs = await signInRegularly(server.port, '127.0.2.2', seconds);
  child.send('stop');
  const report = await nextMessage(child);
  child.disconnect();
  return { quietMs, besideMs, report };
}

async function signInRegularly(port: number, address: string, seconds: number): Promise<number[]> {
  const connection = await openConnection(port, address);
  const latenciesMs: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    const sentMs = performance.now();
    await PRODUCT.signIn(connection, HONEST_ACCOUNT);
    const tookMs = performance.now() - sentMs;
    latenciesMs.push(tookMs);
    await setTimeout(Math.max(0, HONEST_EVERY_MS - tookMs));
  }
  connection.close();
  return latenciesMs;
}

/** Returns the next message of the child. Rejects if the child exits before. */
async function nextMessage(child: ChildProcess): Promise<unknown> {
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('The flood has ended by itself.'))),
  ]);
  return message;
}

/** Runs the flood's own process: tries wrong passwords for all accounts but the honest user's until it is stopped. */
export async function runFlood([port, accounts]: readonly string[]): Promise<void> {
  const connections = await Promise.all(
    Array.from({ length: NETWORKS }, (_, index) => openConnection(Number(port), `127.0.0.${2 + index}`)),
  );
  let isOver = false;
  const count = { checked: 0, limited: 0 };
  process.once('message', () => {
    isOver = true;
  });
  process.once('disconnect', () => process.exit());
  const startMs = performance.now();
  const guesses = connections.map(async (connection, index) => {
    for (let turn = index; !isOver; turn += NETWORKS) {
      const isChecked = await guessPassword(connection, 1 + (turn % (Number(accounts) - 1)));
      count[isChecked ? 'checked' : 'limited'] += 1;
    }
  });
  await Promise.race([setTimeout(SETTLING_MS), ...guesses]);
  process.send?.('flooding');
  await Promise.all(guesses);
  const seconds = (performance.now() - startMs) / 1000;
  const report: FloodReport = {
    checkedPerSecond: count.checked / seconds,
    limitedPerSecond: count.limited / seconds,
  };
  process.send?.(report);
  for (const connection of connections) connection.close();
}
