import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { percentile } from '../statistics.ts';
import { type Connection, openConnection } from './connection.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import type { Server } from './server.ts';

/** What the honest user met on one server, first while it was quiet and then beside a flood. */
export interface FloodSlice {
  readonly quietP50Ms: number;
  readonly quietP99Ms: number;
  readonly floodP50Ms: number;
  readonly floodP99Ms: number;
  /** How often the honest user signed in beside the flood. */
  readonly honestCount: number;
  /** Wrong passwords that the flood had refused in a second. */
  readonly wrongPerSecond: number;
}

const FLOOD_CONNECTIONS = 64;
const HONEST_EVERY_MS = 50;
/** A server that is slow under the flood is watched until the honest user has signed in so often, or for so long. */
const FEWEST_SIGN_INS = 3;
const LONGEST_MS = 60_000;
const HONEST_ACCOUNT = 0;

/** One honest user signs in every 50 ms: for so many seconds alone, and for as many beside 64 connections of guesses. */
export async function measureFlood(
  contender: Contender,
  server: Server,
  { accounts, seconds, bundle }: { accounts: number; seconds: number; bundle: string },
): Promise<FloodSlice> {
  server.wake();
  const connection = await openConnection(server.port);
  const quietMs = await signInRegularly(contender, connection, seconds * 1000);

  // The flood has a process of its own, so that the honest user does not wait for it on this side.
  const flood = fork(bundle, ['flood', contender.name, String(server.port), String(accounts)]);
  await said(flood, 'flooding');
  const floodMs = await signInRegularly(contender, connection, seconds * 1000);
  flood.send('stop');
  const wrongPerSecond = await said(flood, 'stopped');
  flood.disconnect();
  connection.close();
  server.rest();
  return {
    quietP50Ms: percentile(quietMs, 0.5),
    quietP99Ms: percentile(quietMs, 0.99),
    floodP50Ms: percentile(floodMs, 0.5),
    floodP99Ms: percentile(floodMs, 0.99),
    honestCount: floodMs.length,
    wrongPerSecond,
  };
}

async function signInRegularly(contender: Contender, connection: Connection, ms: number): Promise<number[]> {
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const lastedMs = () => performance.now() - startMs;
  while (lastedMs() < ms || (latenciesMs.length < FEWEST_SIGN_INS && lastedMs() < LONGEST_MS)) {
    const sentMs = performance.now();
    await contender.signIn(connection, HONEST_ACCOUNT);
    const tookMs = performance.now() - sentMs;
    latenciesMs.push(tookMs);
    await setTimeout(Math.max(0, HONEST_EVERY_MS - tookMs));
  }
  return latenciesMs;
}

type Word = { word: 'flooding' | 'stopped'; value: number };

/** The value that comes with the child's next such word. Rejects where the child ends without it. */
async function said(child: ChildProcess, word: Word['word']): Promise<number> {
  const stop = new AbortController();
  const ended = once(child, 'exit', { signal: stop.signal }).then(() => {
    throw new Error('The flood ended by itself.');
  });
  try {
    for (;;) {
      const [message] = (await Promise.race([once(child, 'message', { signal: stop.signal }), ended])) as [
        Word,
      ];
      if (message.word === word) return message.value;
    }
  } finally {
    ended.catch(() => undefined);
    stop.abort();
  }
}

const SETTLING_MS = 1000;

/** Linux has all of 127.0.0.0/8, so that each guesser has an address of its own there, as in a botnet. */
const addressOf = (index: number) => (process.platform === 'linux' ? `127.64.0.${1 + index}` : undefined);

/** The flood's own process: sends wrong passwords for all accounts but the honest user's, until it is told to stop. */
export async function runFlood([name, port, accounts]: readonly string[]): Promise<void> {
  const contender = CONTENDERS.find((candidate) => candidate.name === name);
  if (contender === undefined) throw new Error(`There is no server ${name}.`);
  const connections = await Promise.all(
    Array.from({ length: FLOOD_CONNECTIONS }, (_, index) => openConnection(Number(port), addressOf(index))),
  );
  let isOver = false;
  let count = 0;
  process.once('message', () => {
    isOver = true;
  });
  process.once('disconnect', () => process.exit());
  const startMs = performance.now();
  const guesses = connections.map(async (connection, index) => {
    for (let turn = index; !isOver; turn += FLOOD_CONNECTIONS) {
      await contender.failToSignIn(connection, 1 + (turn % (Number(accounts) - 1)));
      count += 1;
    }
  });
  await Promise.race([setTimeout(SETTLING_MS), ...guesses]);
  tell({ word: 'flooding', value: 0 });
  await Promise.all(guesses);
  tell({ word: 'stopped', value: (count / (performance.now() - startMs)) * 1000 });
  for (const connection of connections) connection.close();
}

function tell(word: Word): void {
  process.send?.(word);
}
