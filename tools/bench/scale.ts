import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { withMeasured } from '../measured.ts';
import { seededRandom } from '../random.ts';
import { type Spread, spreadOf, threeDigits } from '../statistics.ts';
import { type Contender, PRODUCT } from './contenders.ts';
import { fillAccounts, fillBacklog, type RowBytes } from './fill.ts';
import type { Watch } from './holds.ts';
import { measureSlice, middleOf, type Slice } from './load.ts';
import { readOptions, workFolder } from './options.ts';
import { forMarkdown, forTerminal, machineFacts, type Report, ranged, targetTable } from './report.ts';
import { atLeast, atMost, over } from './results.ts';
import { fsyncMsIn, pinLoad, ROOT, type Server, startServer } from './server.ts';

const USAGE = `npm run bench:scale -- [options]

  --users 1000000     accounts of the big database; the small one has 1000
  --backlog 1000000   expired seeds, and as many expired codes with a flow each, in the big database
  --sessions 100000   live sessions of the big database
  --rounds 6          rounds without and with the backlog, each with a new start of both servers
  --turns 8           turns of each server in a round
  --seconds 0.8       seconds of a turn
  --watch-seconds 20  seconds in which the event loop is watched
  --write             writes the figures to docs/benchmarks.md`;

const SMALL_USERS = 1000;
const SMALL_SESSIONS = 100;
const LOAD_USERS = 16;
const WARM_UP_SECONDS = 2;

const DEFAULTS = {
  users: 1_000_000,
  backlog: 1_000_000,
  sessions: 100_000,
  rounds: 6,
  turns: 8,
  seconds: 0.8,
  'watch-seconds': 20,
};

type Options = Readonly<typeof DEFAULTS>;

/** One of the two databases, and the product with a client that signs in to all of its accounts. */
interface Side {
  readonly contender: Contender;
  readonly users: number;
  readonly database: string;
}

type Pair<Value> = { readonly small: Value; readonly big: Value };

interface Results {
  readonly rowBytes: RowBytes;
  readonly bytes: Pair<number>;
  readonly slices: Pair<Slice[]>;
  readonly backlogSlices: Pair<Slice[]>;
  readonly idle: Watch[];
  readonly cleaning: Watch[];
  readonly cleaningUnderLoad: Watch[];
  /** Seeds and codes that the cleanup deletes per second without other work. */
  readonly deletedPerSecond: number;
  readonly rowsLeft: number;
}

async function main(args: string[]): Promise<void> {
  const options = readOptions(args, DEFAULTS, ['write']);
  const isPinned = pinLoad();
  const folder = workFolder('scale');
  const fsyncMs = fsyncMsIn(folder);
  const results = await measure(options, folder, isPinned);
  const report = reportOf(results, options, `${machineFacts(fsyncMs)}.`);
  console.log(`\n${forTerminal(report)}`);
  if (!options.write) return;
  const document = join(ROOT, 'docs', 'benchmarks.md');
  writeFileSync(document, withMeasured(readFileSync(document, 'utf8'), forMarkdown(report), 'bench:scale'));
  console.log('\nWritten to docs/benchmarks.md.');
}

async function measure(options: Options, folder: string, isPinned: boolean): Promise<Results> {
  const small = sideIn(folder, 'small', SMALL_USERS);
  const big = sideIn(folder, 'big', options.users);
  const start: Start = (
    { contender, users, database },
    cwd = mkdtempSync(join(folder, 'run-')),
    nodeFlags = [],
  ) =>
    startServer(contender, {
      cwd,
      accounts: users,
      isPinned,
      nodeFlags,
      env: { DATABASE_URL: `file:${database}` },
    });
  const watch = (side: Side, work: (server: Server) => Promise<unknown>) =>
    watchLoop(side, folder, start, work);
  const watchMs = options['watch-seconds'] * 1000;
  const wait = () => setTimeout(watchMs);

  console.log('Filling the databases …');
  await fillAccounts(small.database, { users: SMALL_USERS, sessions: SMALL_SESSIONS });
  const rowBytes = await fillAccounts(big.database, options);
  const bytes = { small: statSync(small.database).size, big: statSync(big.database).size };
  const slices = await inRounds('Round', [small, big], options, start);

  console.log('Filling the backlog …');
  fillBacklog(big.database, { users: options.users, rows: options.backlog });
  const idle = await watch(small, wait);
  const before = rowsIn(big);
  const cleaning = await watch(big, wait);
  const deletedPerSecond = (before - rowsIn(big)) / options['watch-seconds'];
  const load = { users: LOAD_USERS, accounts: big.users, seconds: options['watch-seconds'] };
  const cleaningUnderLoad = await watch(big, (server) => measureSlice(big.contender, server, load));
  const backlogSlices = await inRounds('Round with the backlog', [small, big], options, start);
  return {
    rowBytes,
    bytes,
    slices,
    backlogSlices,
    idle,
    cleaning,
    cleaningUnderLoad,
    deletedPerSecond,
    rowsLeft: rowsIn(big),
  };
}

function sideIn(folder: string, name: keyof Pair<unknown>, users: number): Side {
  // Successive accounts are far apart in the table, so all of its pages are equally warm.
  const scattered = (account: number) => (account * 611_953) % users;
  const contender: Contender = {
    ...PRODUCT,
    name,
    signIn: (connection, account) => PRODUCT.signIn(connection, scattered(account)),
  };
  return { contender, users, database: join(folder, `${name}.db`) };
}

type Start = (side: Side, cwd?: string, nodeFlags?: string[]) => Promise<Server>;

/** Measures both servers in rounds, by turns in random order. Each round starts them anew. */
async function inRounds(
  label: string,
  sides: readonly Side[],
  { rounds, turns, seconds }: Options,
  start: Start,
): Promise<Pair<Slice[]>> {
  const random = seededRandom(1);
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

/** Watches the event loop of a server during `work`. Returns one record for each second. */
async function watchLoop(
  side: Side,
  folder: string,
  start: Start,
  work: (server: Server) => Promise<unknown>,
): Promise<Watch[]> {
  console.log(`Watching the server on the ${nameOf(side)} database …`);
  const cwd = mkdtempSync(join(folder, 'watch-'));
  const server = await start(side, cwd, ['--import', join(ROOT, 'dist', 'bench-holds.js')]);
  const fromMs = Date.now();
  await work(server);
  const toMs = Date.now();
  await server.stop();
  return readFileSync(join(cwd, 'holds.log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Watch)
    .filter((second) => second.fromMs >= fromMs && second.toMs <= toMs);
}

/** Counts seeds and codes. The few of the load's own sign-ins do not matter. */
function rowsIn({ database }: Side): number {
  const db = new Database(database, { readonly: true });
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

function reportOf(results: Results, options: Options, machine: string): Report {
  const { users, backlog, sessions, rounds, turns, seconds } = options;
  const { rowBytes, bytes, deletedPerSecond, rowsLeft } = results;
  return [
    machine,
    `The small database has ${SMALL_USERS} users. The big one has ${users} with a device each, and ${sessions} live sessions. The backlog is ${backlog} expired seeds, and as many codes with a flow each. ${LOAD_USERS} users sign in at once. The figure of a round is the median of ${turns} turns of ${seconds} s. The table shows the median of ${rounds} rounds, with the minimum and the maximum in parentheses.`,
    {
      head: ['', 'small', 'big', 'big / small'],
      rows: [
        ...rowsFor('', results.slices),
        ...rowsFor(' during the cleanup', results.backlogSlices),
        ['file, MB', threeDigits(bytes.small / 1e6), threeDigits(bytes.big / 1e6), '–'],
      ],
    },
    `**The cleanup** deletes ${threeDigits(deletedPerSecond)} seeds and codes per second without other work. After the last round, ${rowsLeft} of them were left. The table shows the longest hold of the event loop in each second:`,
    {
      head: ['the event loop of', 'median ms', 'maximum ms', 'holds over 20 ms', 'seconds'],
      rows: [
        holdRow('an idle server, for comparison', results.idle),
        holdRow('a server that cleans up', results.cleaning),
        holdRow('a server that cleans up under load', results.cleaningUnderLoad),
      ],
    },
    `**On disk**, a user has ${threeDigits(rowBytes.user)} bytes, a device ${threeDigits(rowBytes.device)} and a session ${threeDigits(rowBytes.session)}, with their shares of all indexes.`,
    '**Targets.** The median of all rounds decides.',
    targetTable(targetsOf(results)),
  ];
}

function rowsFor(when: string, slices: Pair<Slice[]>): string[][] {
  const row = (name: string, figure: (slice: Slice) => number) => [
    `${name}${when}`,
    ranged(over(slices.small, figure)),
    ranged(over(slices.big, figure)),
    ranged(ratio(slices, figure)),
  ];
  return [
    row('sign-ins per second', ({ perSecond }) => perSecond),
    row('p50 ms', ({ p50Ms }) => p50Ms),
    row('p99 ms', ({ p99Ms }) => p99Ms),
    row('CPU ms each', ({ cpuMs }) => cpuMs),
    row('peak MiB', ({ memoryMiB }) => memoryMiB),
  ];
}

/** Returns the ratio of a figure in each round, so a slow moment of the machine meets both. */
function ratio({ small, big }: Pair<Slice[]>, figure: (slice: Slice) => number): Spread {
  return spreadOf(big.map((slice, round) => figure(slice) / figure(small[round] as Slice)));
}

function holdRow(name: string, watched: readonly Watch[]): string[] {
  const { median, max } = over(watched, ({ longestMs }) => longestMs);
  const over20 = watched.reduce((sum, watch) => sum + watch.over20, 0);
  return [name, threeDigits(median), threeDigits(max), String(over20), String(watched.length)];
}

/** A longer task is long (W3C, Long Tasks API). */
const MAX_HOLD_MS = 50;

function targetsOf({ slices, backlogSlices, cleaning, cleaningUnderLoad }: Results) {
  const speed = (pair: Pair<Slice[]>) => ratio(pair, ({ perSecond }) => perSecond);
  const longest = (watched: readonly Watch[]) => {
    const { max } = over(watched, ({ longestMs }) => longestMs);
    return spreadOf([max]);
  };
  return [
    atLeast(0.9, 'sign-ins per second, big / small', speed(slices)),
    atLeast(0.9, 'sign-ins per second during the cleanup, big / small', speed(backlogSlices)),
    atMost(MAX_HOLD_MS, 'longest hold of the event loop during the cleanup, ms', longest(cleaning)),
    atMost(
      MAX_HOLD_MS,
      'longest hold of the event loop during the cleanup under load, ms',
      longest(cleaningUnderLoad),
    ),
  ];
}

try {
  if (process.argv.includes('--help')) console.log(USAGE);
  else await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
