import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { withMeasured } from '../measured.ts';
import { seededRandom } from '../random.ts';
import { type Spread, spreadOf, threeDigits } from '../statistics.ts';
import { openConnection } from './connection.ts';
import { CONTENDERS, type Contender, emailOf } from './contenders.ts';
import { fillAccounts, fillBacklog, type RowBytes } from './fill.ts';
import type { Watch } from './holds.ts';
import { measureSlice, middleOf, type Slice } from './load.ts';
import { readOptions, workFolder } from './options.ts';
import { inColumns, inMarkdown, machineFacts, ranged, type Table } from './report.ts';
import { over } from './results.ts';
import { fsyncMsIn, pinLoad, ROOT, type Server, startServer } from './server.ts';

const USAGE = `npm run bench:scale -- [options]

  --users 1000000     accounts of the big database; the small one has 1000
  --backlog 1000000   old seeds, and as many old codes with a flow each, that the big one has to sweep
  --sessions 100000   live sessions of the big one
  --rounds 6          rounds, without and with the backlog; each starts both servers anew
  --turns 8           turns that each database gets in a round
  --seconds 0.8       seconds of a turn
  --starts 7          starts of each
  --write             writes the figures into docs/benchmarks.md`;

const SMALL_USERS = 1000;
const SMALL_SESSIONS = 100;
const LOAD_USERS = 16;
const WARM_UP_SECONDS = 2;
/** How long a server that only sweeps, or does nothing, is watched. */
const QUIET_SECONDS = 20;

const DEFAULTS = {
  users: 1_000_000,
  backlog: 1_000_000,
  sessions: 100_000,
  rounds: 6,
  turns: 8,
  seconds: 0.8,
  starts: 7,
};

const random = seededRandom(1);

type Options = Readonly<typeof DEFAULTS>;

/** One of the two databases, and the product as it signs in to all of it. */
interface Side {
  readonly contender: Contender;
  readonly users: number;
  readonly path: string;
}

type Pair<Value> = { readonly small: Value; readonly big: Value };

interface Results {
  readonly rowBytes: RowBytes;
  readonly bytes: Pair<number>;
  readonly startsMs: Pair<number[]>;
  readonly backlogStartsMs: Pair<number[]>;
  readonly slices: Pair<Slice[]>;
  readonly backlogSlices: Pair<Slice[]>;
  readonly idle: Watch[];
  readonly sweeping: Watch[];
  readonly sweepingUnderLoad: Watch[];
  /** Seeds and codes that a second of nothing but sweeping deletes. */
  readonly sweptPerSecond: number;
  readonly rowsLeft: number;
}

/** Fills both databases, measures the product on them by turns, and prints what came of it. */
async function main(args: string[]): Promise<void> {
  const options = readOptions(args, DEFAULTS, ['write']);
  const isPinned = pinLoad();
  const folder = workFolder('scale');
  const fsyncMs = fsyncMsIn(folder);
  const results = await measure(options, folder, isPinned);
  const parts = report(results, options, `${machineFacts(fsyncMs)}.`);
  const written = (write: (table: Table) => string) =>
    parts.map((part) => (typeof part === 'string' ? part : write(part))).join('\n\n');
  console.log(`\n${written(inColumns).replaceAll('**', '')}`);
  if (!options.write) return;
  const document = join(ROOT, 'docs', 'benchmarks.md');
  const text = withMeasured(readFileSync(document, 'utf8'), written(inMarkdown), 'bench:scale');
  writeFileSync(document, text);
  console.log('\nWritten to docs/benchmarks.md.');
}

async function measure(options: Options, folder: string, isPinned: boolean): Promise<Results> {
  const small = sideIn(folder, 'small', SMALL_USERS);
  const big = sideIn(folder, 'big', options.users);
  const sides = [small, big];
  const start = (side: Side, nodeFlags: string[] = []) => startOn(side, folder, isPinned, nodeFlags);

  console.log('Filling the databases …');
  await fillAccounts(small.path, { users: SMALL_USERS, sessions: SMALL_SESSIONS });
  const rowBytes = await fillAccounts(big.path, options);
  const bytes = { small: statSync(small.path).size, big: statSync(big.path).size };

  const startsMs = await timeStarts('Start', sides, options.starts, start);
  const slices = await inRounds('Round', sides, options, start);

  console.log('Filling the backlog …');
  fillBacklog(big.path, { users: options.users, rows: options.backlog });
  const backlogStartsMs = await timeStarts('Start with the backlog', sides, options.starts, start);

  const idle = await watch(small, start);
  const before = rowsLeftIn(big);
  const sweeping = await watch(big, start);
  const sweptPerSecond = (before - rowsLeftIn(big)) / QUIET_SECONDS;
  const sweepingUnderLoad = await watch(big, start, (server) =>
    measureSlice(big.contender, server, { users: LOAD_USERS, accounts: big.users, seconds: QUIET_SECONDS }),
  );
  const backlogSlices = await inRounds('Round with the backlog', sides, options, start);
  const rowsLeft = rowsLeftIn(big);
  return {
    rowBytes,
    bytes,
    startsMs,
    backlogStartsMs,
    slices,
    backlogSlices,
    idle,
    sweeping,
    sweepingUnderLoad,
    sweptPerSecond,
    rowsLeft,
  };
}

function sideIn(folder: string, name: 'small' | 'big', users: number): Side {
  const [product] = CONTENDERS;
  if (product === undefined) throw new Error('The product is missing.');
  // Neighbours in the load are far apart in the table, so that no page of it is warmer than another.
  const scattered = (account: number) => (account * 611_953) % users;
  const contender = {
    ...product,
    name,
    signIn: (...[connection, account]: Parameters<Contender['signIn']>) =>
      product.signIn(connection, scattered(account)),
  };
  return { contender, users, path: join(folder, `${name}.db`) };
}

function startOn(
  { contender, users, path }: Side,
  folder: string,
  isPinned: boolean,
  nodeFlags: string[],
): Promise<Server> {
  const env = { DATABASE_URL: `file:${path}` };
  return startServer(contender, { folder, accounts: users, isPinned, nodeFlags, env });
}

type Start = (side: Side, nodeFlags?: string[]) => Promise<Server>;

/** From the start of the process to the first answer that needs the database; one after the other, by turns. */
async function timeStarts(
  label: string,
  sides: readonly Side[],
  starts: number,
  start: Start,
): Promise<Pair<number[]>> {
  const took = { small: [] as number[], big: [] as number[] };
  for (let turn = 1; turn <= starts; turn += 1) {
    console.log(`${label} ${turn} of ${starts} …`);
    for (const side of random.shuffled(sides)) {
      const startMs = performance.now();
      const server = await start(side);
      const connection = await openConnection(server.port);
      const answer = await connection.post('/getseed', 'form', `username=${emailOf(side.users - 1)}`);
      took[nameOf(side)].push(performance.now() - startMs);
      if (answer.status !== 200) throw new Error(`The first answer is ${answer.status}.`);
      connection.close();
      await server.stop();
    }
  }
  return took;
}

/**
 * Rounds of both servers at once, of which one rests. Each round starts them anew, since the same program is faster in one
 * process than in another, and gives them short turns, since what slows the machine comes and goes.
 */
async function inRounds(
  label: string,
  sides: readonly Side[],
  { rounds, turns, seconds }: Options,
  start: Start,
): Promise<Pair<Slice[]>> {
  const results = { small: [] as Slice[], big: [] as Slice[] };
  const slice = (side: Side, server: Server, forSeconds: number) =>
    measureSlice(side.contender, server, { users: LOAD_USERS, accounts: side.users, seconds: forSeconds });
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`${label} ${round} of ${rounds} …`);
    const servers = new Map<Side, Server>();
    for (const side of random.shuffled(sides)) {
      const server = await start(side);
      servers.set(side, server);
      await slice(side, server, WARM_UP_SECONDS);
    }
    const taken = { small: [] as Slice[], big: [] as Slice[] };
    for (let turn = 0; turn < turns; turn += 1) {
      for (const [side, server] of random.shuffled([...servers])) {
        taken[nameOf(side)].push(await slice(side, server, seconds));
      }
    }
    for (const side of sides) results[nameOf(side)].push(middleOf(taken[nameOf(side)]));
    for (const server of servers.values()) await server.stop();
  }
  return results;
}

/** The seconds of a server while `meanwhile` goes on; by default, while nobody asks it anything. */
async function watch(
  side: Side,
  start: Start,
  detached: (server: Server) => Promise<unknown> = () => setTimeout(QUIET_SECONDS * 1000),
): Promise<Watch[]> {
  console.log(`Watching the ${nameOf(side)} one …`);
  const server = await start(side, ['--import', join(ROOT, 'dist', 'bench-holds.js')]);
  const fromMs = Date.now();
  await detached(server);
  const toMs = Date.now();
  await server.stop();
  return readFileSync(join(side.path, '..', nameOf(side), 'holds.log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Watch)
    .filter((second) => second.fromMs >= fromMs && second.toMs <= toMs);
}

/** How many seeds and codes there are; those of the load's own sign-ins are too few to matter. */
function rowsLeftIn({ path }: Side): number {
  const db = new Database(path, { readonly: true });
  try {
    return db
      .prepare('SELECT (SELECT count(*) FROM seeds) + (SELECT count(*) FROM codes)')
      .pluck()
      .get() as number;
  } finally {
    db.close();
  }
}

const nameOf = ({ contender }: Side) => contender.name as keyof Pair<unknown>;

function report(results: Results, options: Options, machine: string): (string | Table)[] {
  const { users, backlog, sessions, rounds, turns, seconds, starts } = options;
  const { rowBytes, bytes } = results;
  return [
    machine,
    `The small database has ${SMALL_USERS} users, the big one ${users} with a device each and ${sessions} live sessions; the backlog is ${backlog} seeds and ${backlog} codes with a flow each. The median of ${rounds} rounds, each with both servers started anew and the median of ${turns} turns of ${seconds} s, and of ${starts} starts, with the least and the greatest in parentheses; ${LOAD_USERS} people sign in at once:`,
    {
      head: ['', 'small', 'big', 'big / small'],
      rows: [
        ...rowsFor('', results.slices, results.startsMs),
        ...rowsFor(' with the backlog', results.backlogSlices, results.backlogStartsMs),
        ['file, MB', threeDigits(bytes.small / 1e6), threeDigits(bytes.big / 1e6), '–'],
      ],
    },
    `**Sweeping** deletes ${threeDigits(results.sweptPerSecond)} seeds and codes a second where there is nothing else to do, and left ${results.rowsLeft} of them at the end of the rounds. The longest that the loop was held in each second:`,
    {
      head: ['the loop of', 'median ms', 'longest ms', 'holds over 20 ms', 'seconds'],
      rows: [
        holdRow('an idle server, so what the machine itself does', results.idle),
        holdRow('a server that sweeps', results.sweeping),
        holdRow('a server that sweeps under load', results.sweepingUnderLoad),
      ],
    },
    `**On disk** a user takes ${threeDigits(rowBytes.user)} bytes, a device ${threeDigits(rowBytes.device)}, a session ${threeDigits(rowBytes.session)}, each with its part of all indexes.`,
    '**Targets:**',
    { head: ['', 'target', 'measured', ''], rows: targetsOf(results) },
  ];
}

function rowsFor(when: string, slices: Pair<Slice[]>, startsMs: Pair<number[]>): string[][] {
  const row = (what: string, measure: (slice: Slice) => number) => [
    `${what}${when}`,
    ranged(over(slices.small, measure)),
    ranged(over(slices.big, measure)),
    ranged(ratios(slices, measure)),
  ];
  return [
    row('sign-ins a second', ({ perSecond }) => perSecond),
    row('p50 ms', ({ p50Ms }) => p50Ms),
    row('p99 ms', ({ p99Ms }) => p99Ms),
    row('CPU ms each', ({ cpuMs }) => cpuMs),
    row('peak MiB', ({ memoryMiB }) => memoryMiB),
    [
      `start-up ms${when}`,
      ranged(spreadOf(startsMs.small)),
      ranged(spreadOf(startsMs.big)),
      ranged(startRatio(startsMs)),
    ],
  ];
}

/** Round by round, so that what slows the machine for a while meets both. */
function ratios({ small, big }: Pair<Slice[]>, measure: (slice: Slice) => number): Spread {
  return spreadOf(big.map((slice, round) => measure(slice) / measure(small[round] as Slice)));
}

function startRatio({ small, big }: Pair<number[]>): Spread {
  return spreadOf(big.map((ms, turn) => ms / (small[turn] ?? Number.NaN)));
}

function holdRow(whose: string, watched: readonly Watch[]): string[] {
  const { median, max } = over(watched, ({ longestMs }) => longestMs);
  const over20 = watched.reduce((sum, watch) => sum + watch.over20, 0);
  return [whose, threeDigits(median), threeDigits(max), String(over20), String(watched.length)];
}

function targetsOf(results: Results): string[][] {
  const speed = (slices: Pair<Slice[]>) => ratios(slices, ({ perSecond }) => perSecond);
  const memory = ratios(results.backlogSlices, ({ memoryMiB }) => memoryMiB);
  const longest = over(results.sweeping, ({ longestMs }) => longestMs);
  const row = (what: string, target: string, measured: Spread, isHeld: boolean) => [
    what,
    target,
    ranged(measured),
    isHeld ? 'held' : 'missed',
  ];
  const plain = speed(results.slices);
  const swept = speed(results.backlogSlices);
  const starts = startRatio(results.backlogStartsMs);
  return [
    row('sign-ins a second, big / small', 'at least 0.9', plain, plain.median >= 0.9),
    row('the same while the big one sweeps', 'at least 0.9', swept, swept.median >= 0.9),
    row('start-up with the backlog, big / small', 'under 2', starts, starts.median < 2),
    row('peak memory while the big one sweeps, big / small', 'at most 1.25', memory, memory.median <= 1.25),
    row('the longest hold of the loop by sweeping, ms', 'at most 20', longest, longest.max <= 20),
  ];
}

try {
  if (process.argv.includes('--help')) console.log(USAGE);
  else await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
