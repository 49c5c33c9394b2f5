import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { move } from '../../src/move/move.ts';
import { type PostgresServer, startPostgres } from '../../test/support/postgres-server.ts';
import { asAdmin } from '../../test/support/postgres-setup.ts';
import { withMeasured } from '../measured.ts';
import { seededRandom } from '../random.ts';
import { spreadOf } from '../statistics.ts';
import { PRODUCT } from './contenders.ts';
import { fillAccounts } from './fill.ts';
import { type FloodSlice, measureFlood } from './flood.ts';
import { measureSlice, middleOf, type Slice } from './load.ts';
import { readOptions, workFolder } from './options.ts';
import { forMarkdown, forTerminal, machineFacts, type Report, ranged, targetTable } from './report.ts';
import { atLeast, atMost, over } from './results.ts';
import { cpuTimesOf, fsyncMsIn, pinLoad, ROOT, type Server, startServer } from './server.ts';

const DEFAULTS = { rounds: 3, turns: 4, seconds: 0.8, users: 16, accounts: 1000, many: 1_000_000, flood: 30 };
/** One for all databases, because they have the same source. */
const APP_SECRET = randomBytes(32).toString('base64url');
const WARM_UP = { users: 64, seconds: 2 };
/** As a small server has them, with every commit on disk. */
const SETTINGS = ['shared_buffers=1GB', 'max_connections=100', 'max_wal_size=4GB'];
/** One process on SQLite, one on PostgreSQL, two on one database, and one on a database with many accounts. */
const PLACES = ['SQLite', 'PostgreSQL', 'PostgreSQL, two processes', 'PostgreSQL, many accounts'] as const;
type Place = (typeof PLACES)[number];

/** A slice, with the CPU time of the database for one sign-in. */
type PlaceSlice = Slice & { readonly databaseMs: number };

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), DEFAULTS, ['write']);
  const isPinned = pinLoad();
  const folder = workFolder('bench-postgres');
  const postgres = await startPostgres(SETTINGS);
  try {
    const settings = { ...options, isPinned, folder, postgres };
    const slices = await measurePlaces(settings);
    const flood = await measureFloodOn(settings);
    const report = reportOf(slices, flood, options);
    console.log(`\n${forTerminal(report)}`);
    if (!options.write) return;
    const document = join(ROOT, 'docs', 'benchmarks.md');
    writeFileSync(
      document,
      withMeasured(readFileSync(document, 'utf8'), forMarkdown(report), 'bench:postgres'),
    );
    console.log('\nWritten to docs/benchmarks.md.');
  } finally {
    await postgres.stop();
  }
}

type Settings = typeof DEFAULTS & { isPinned: boolean; folder: string; postgres: PostgresServer };

async function measurePlaces(settings: Settings): Promise<Map<Place, PlaceSlice[]>> {
  const { accounts, many, rounds, turns } = settings;
  console.log(`Filling the databases with ${accounts} and ${many} accounts …`);
  const few = await filled(settings, accounts);
  const all = await filled(settings, many);
  const urls = [
    await moved(settings, few, 'one'),
    await moved(settings, few, 'two'),
    await moved(settings, all, 'many'),
  ];
  const [one = '', two = '', big = ''] = urls;
  const servers = new Map<Place, { servers: Server[]; accounts: number }>([
    ['SQLite', { servers: [await start(settings, `file:${few}`)], accounts }],
    ['PostgreSQL', { servers: [await start(settings, one)], accounts }],
    ['PostgreSQL, two processes', { servers: await twoOn(settings, two), accounts }],
    ['PostgreSQL, many accounts', { servers: [await start(settings, big)], accounts: many }],
  ]);
  const random = seededRandom(1);
  const slices = new Map(PLACES.map((place): [Place, PlaceSlice[]] => [place, []]));
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`Round ${round} of ${rounds} …`);
    const taken = new Map(PLACES.map((place): [Place, PlaceSlice[]] => [place, []]));
    for (let turn = 1; turn <= turns; turn += 1)
      for (const [place, at] of random.shuffled([...servers]))
        taken.get(place)?.push(await measureTogether(settings, at.servers, at.accounts));
    for (const [place, own] of taken)
      slices
        .get(place)
        ?.push({ ...middleOf(own), databaseMs: spreadOf(own.map((one) => one.databaseMs)).median });
  }
  for (const { servers: own } of servers.values()) await Promise.all(own.map((server) => server.stop()));
  return slices;
}

/** Makes a SQLite file with accounts, and returns its path. */
async function filled({ folder }: Settings, users: number): Promise<string> {
  const path = join(folder, `${users}.db`);
  await fillAccounts(path, { users, sessions: 1 });
  return path;
}

/** Makes a database, moves the file into it, and returns its URL. */
async function moved({ postgres }: Settings, path: string, name: string): Promise<string> {
  await asAdmin(postgres.url(), `CREATE DATABASE ${name} TEMPLATE template0`);
  await move(path, postgres.url(name), () => undefined);
  await asAdmin(postgres.url(name), 'VACUUM ANALYZE');
  return postgres.url(name);
}

async function start(
  { folder, isPinned, accounts }: Settings,
  database: string,
  env: Record<string, string> = {},
): Promise<Server> {
  const cwd = mkdtempSync(join(folder, 'server-'));
  const server = await startServer(PRODUCT, {
    cwd,
    accounts,
    isPinned,
    env: { DATABASE_URL: database, APP_SECRET, ...env },
  });
  await measureSlice(PRODUCT, server, { ...WARM_UP, accounts });
  return server;
}

/** The second process shares its core with the database and the load, because the machine has two. */
async function twoOn(settings: Settings, url: string): Promise<Server[]> {
  const first = await start(settings, url);
  return [first, await start({ ...settings, isPinned: false }, url)];
}

/** Measures servers that share the users among them. */
async function measureTogether(
  { users, seconds, postgres }: Settings,
  servers: readonly Server[],
  accounts: number,
): Promise<PlaceSlice> {
  const beforeMs = cpuMsOf(postgres);
  const share = { users: users / servers.length, seconds, accounts };
  const taken = await Promise.all(servers.map((server) => measureSlice(PRODUCT, server, share)));
  const perSecond = taken.reduce((sum, slice) => sum + slice.perSecond, 0);
  const databaseMs = (cpuMsOf(postgres) - beforeMs) / (perSecond * seconds);
  return { ...middleOf(taken), perSecond, databaseMs };
}

/** Returns the CPU time of PostgreSQL's processes so far, with those that have ended. */
function cpuMsOf(postgres: PostgresServer): number {
  const times = postgres.pids().map(cpuTimesOf);
  return times.reduce((sum, { ownMs, childrenMs }) => sum + (ownMs + childrenMs || 0), 0);
}

async function measureFloodOn(settings: Settings): Promise<FloodSlice> {
  console.log('Flood …');
  const { accounts, flood: seconds, folder } = settings;
  const url = await moved(settings, join(folder, `${accounts}.db`), 'flood');
  const server = await start(settings, url, { RATE_LIMITS: 'on' });
  const slice = await measureFlood(server, { accounts, seconds });
  await server.stop();
  return slice;
}

function reportOf(slices: Map<Place, PlaceSlice[]>, flood: FloodSlice, options: typeof DEFAULTS): Report {
  const figure = (place: Place, of: (slice: PlaceSlice) => number) => ranged(over(slices.get(place), of));
  const ratio = (place: Place, to: Place, of: (slice: PlaceSlice) => number) =>
    spreadOf(
      (slices.get(place) ?? []).map((slice, round) => of(slice) / of(slices.get(to)?.[round] ?? slice)),
    );
  const perSecond = (slice: PlaceSlice) => slice.perSecond;
  return [
    `${machineFacts(fsyncMsIn(tmpdir()))}. The process has core 0 for itself. PostgreSQL and the load share core 1, and so does the second process.`,
    `${options.accounts} accounts, or ${options.many} in the last row. ${options.users} users sign in at once. The table shows the median of ${options.rounds} rounds.`,
    {
      head: [
        '',
        'sign-ins per second',
        'p50 ms',
        'p99 ms',
        'CPU ms each, process',
        'CPU ms each, PostgreSQL',
      ],
      rows: PLACES.map((place) => [
        place,
        figure(place, perSecond),
        figure(place, ({ p50Ms }) => p50Ms),
        figure(place, ({ p99Ms }) => p99Ms),
        figure(place, ({ cpuMs }) => cpuMs),
        place === 'SQLite' ? '–' : figure(place, ({ databaseMs }) => databaseMs),
      ]),
    },
    `**An honest user** beside 64 networks that guess as fast as they can, for ${options.flood} s with the default limits: p99 ${Math.round(flood.floodP99Ms)} ms. On the quiet server: ${Math.round(flood.quietP99Ms)} ms.`,
    '**Targets.** The median of all rounds decides.',
    targetTable([
      atLeast(0.5, 'sign-ins per second, PostgreSQL / SQLite', ratio('PostgreSQL', 'SQLite', perSecond)),
      atMost(
        1.5,
        'CPU of the process for a sign-in, PostgreSQL / SQLite',
        ratio('PostgreSQL', 'SQLite', ({ cpuMs }) => cpuMs),
      ),
      atLeast(
        0.9,
        'sign-ins per second, many accounts / few',
        ratio('PostgreSQL, many accounts', 'PostgreSQL', perSecond),
      ),
      atMost(200, "an honest user's p99 beside the flood, ms", spreadOf([flood.floodP99Ms])),
    ]),
  ];
}

await main().catch((error) => {
  console.error((error as Error).message);
  process.exit(1);
});
