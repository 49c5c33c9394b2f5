import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withMeasured } from '../measured.ts';
import { seededRandom } from '../random.ts';
import { medians } from '../statistics.ts';
import { openConnection } from './connection.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import { type FloodSlice, measureFlood, runFlood } from './flood.ts';
import { measureSlice, middleOf, type Slice } from './load.ts';
import { readOptions, workFolder } from './options.ts';
import { plotOf } from './plot.ts';
import { type CpuProfile, profileReport } from './profile.ts';
import { reportForMarkdown, reportForTerminal, type Setting } from './report.ts';
import { fsyncMsIn, pinLoad, ROOT, type Server, startServer } from './server.ts';

const USAGE = `npm run bench -- [options]

  --rounds 7         rounds, each with the product and the frames started anew
  --turns 5          turns that these have in a round, of which the median counts; a peer has one
  --seconds 0.6      seconds of a turn
  --flood-rounds 2   rounds of the flood, with as many turns
  --flood-seconds 5  seconds that the honest user is watched, alone and again beside the flood
  --users 16         users who sign in at once
  --accounts 1000    accounts that they sign in to
  --write            writes the figures into docs/benchmarks.md and docs/images/benchmarks.svg
  --profile          runs the product alone for ten seconds, and prints where its time goes`;

const PROFILE_SECONDS = 10;
const WARM_UP_SECONDS = 1.5;

const DEFAULTS = {
  rounds: 7,
  turns: 5,
  seconds: 0.6,
  'flood-rounds': 2,
  'flood-seconds': 5,
  users: 16,
  accounts: 1000,
};

/** Runs the benchmark, or its profile, and prints what came of it. */
async function main(args: string[]): Promise<void> {
  const options = readOptions(args, DEFAULTS, ['write', 'profile']);
  const isPinned = pinLoad();
  if (!isPinned) console.warn('There is no taskset here: servers and load share all cores.');
  const folder = workFolder('bench');
  if (options.profile) return profile({ ...options, folder, isPinned });

  installPeers();
  const setting: Setting = {
    ...options,
    floodRounds: options['flood-rounds'],
    floodSeconds: options['flood-seconds'],
    isPinned,
    fsyncMs: fsyncMsIn(folder),
  };
  const start = { ...options, folder, isPinned };
  // A folder of its own each time: accounts are made anew.
  const startAnew = (isOne: (contender: Contender) => boolean) =>
    startAll(CONTENDERS.filter(isOne), { ...start, folder: mkdtempSync(join(folder, 'round-')) });
  const peers = await startAll(
    CONTENDERS.filter(({ kind }) => kind === 'peer'),
    start,
  );
  const slices = await inRounds<Slice>({
    label: 'Round',
    rounds: setting.rounds,
    turns: setting.turns,
    peers,
    startOthers: () => startAnew(({ kind }) => kind !== 'peer'),
    measure: (contender, server) => measureSlice(contender, server, setting),
    middleOf,
  });
  const floods = await inRounds<FloodSlice>({
    label: 'Flood',
    rounds: setting.floodRounds,
    turns: setting.turns,
    peers,
    startOthers: () => startAnew(({ kind }) => kind === 'product'),
    measure: (contender, server) =>
      measureFlood(contender, server, {
        accounts: setting.accounts,
        seconds: setting.floodSeconds,
        bundle: join(ROOT, 'dist', 'bench.js'),
      }),
    middleOf: medians,
  });
  for (const [, server] of peers) await server.stop();

  const results = { slices, floods };
  console.log(`\n${reportForTerminal(results, setting).replaceAll('**', '')}`);
  if (!options.write) return;
  const document = join(ROOT, 'docs', 'benchmarks.md');
  writeFileSync(
    document,
    withMeasured(readFileSync(document, 'utf8'), reportForMarkdown(results, setting), 'bench'),
  );
  writeFileSync(join(ROOT, 'docs', 'images', 'benchmarks.svg'), plotOf(results));
  console.log('\nWritten to docs/benchmarks.md and docs/images/benchmarks.svg.');
}

/** The peers have a tree of their own, so that the product's stays small. */
function installPeers(): void {
  const folder = join(ROOT, 'tools', 'bench');
  if (existsSync(join(folder, 'node_modules'))) return;
  console.log('Installing the peers …');
  const { status } = spawnSync('npm', ['ci', '--prefix', folder], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error('The peers could not be installed.');
}

interface Start {
  readonly folder: string;
  readonly accounts: number;
  readonly users: number;
  readonly isPinned: boolean;
}

async function startAll(contenders: readonly Contender[], start: Start): Promise<[Contender, Server][]> {
  const servers: [Contender, Server][] = [];
  for (const contender of contenders) {
    console.log(`Starting ${contender.name} …`);
    servers.push([contender, await startOne(contender, start)]);
  }
  return servers;
}

/** A server with its accounts, warmed up and at rest. */
async function startOne(
  contender: Contender,
  start: Start & { nodeFlags?: readonly string[] },
): Promise<Server> {
  const server = await startServer(contender, start);
  const connection = await openConnection(server.port);
  await contender.prepare?.(connection, start.accounts);
  connection.close();
  await measureSlice(contender, server, { ...start, seconds: WARM_UP_SECONDS });
  return server;
}

interface Rounds<Turn> {
  readonly label: string;
  readonly rounds: number;
  readonly turns: number;
  readonly peers: readonly [Contender, Server][];
  readonly startOthers: () => Promise<[Contender, Server][]>;
  readonly measure: (contender: Contender, server: Server) => Promise<Turn>;
  readonly middleOf: (turns: readonly Turn[]) => Turn;
}

/**
 * Measures all servers in rounds, in an order drawn by lot, so that what slows the machine for a while meets all. A round
 * starts those that are no peers anew, since the same program is faster in one process than in another, and gives them several
 * turns, since what slows the machine comes and goes.
 */
async function inRounds<Turn>(of: Rounds<Turn>): Promise<Map<string, Turn[]>> {
  const random = seededRandom(1);
  const results = new Map<string, Turn[]>();
  for (let round = 1; round <= of.rounds; round += 1) {
    console.log(`${of.label} ${round} of ${of.rounds} …`);
    const others = await of.startOthers();
    const taken = new Map<string, Turn[]>();
    for (let turn = 1; turn <= of.turns; turn += 1) {
      for (const [contender, server] of random.shuffled(turn === 1 ? [...others, ...of.peers] : others)) {
        const { name } = contender;
        taken.set(name, [...(taken.get(name) ?? []), await of.measure(contender, server)]);
      }
    }
    for (const [name, turns] of taken) results.set(name, [...(results.get(name) ?? []), of.middleOf(turns)]);
    for (const [, server] of others) await server.stop();
  }
  return results;
}

async function profile(start: Start): Promise<void> {
  const [product] = CONTENDERS;
  if (product === undefined) return;
  const output = join(start.folder, 'profile');
  const nodeFlags = ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${output}`];
  const server = await startOne(product, { ...start, nodeFlags });
  const slice = await measureSlice(product, server, { ...start, seconds: PROFILE_SECONDS });
  await server.stop();
  const [file = ''] = readdirSync(output);
  copyFileSync(join(output, file), join(ROOT, 'data', 'bench.cpuprofile'));
  const measured = JSON.parse(readFileSync(join(output, file), 'utf8')) as CpuProfile;
  console.log(profileReport(measured, Math.round(slice.perSecond * (PROFILE_SECONDS + WARM_UP_SECONDS))));
  console.log('\nThe profile itself, for the developer tools of a browser, is data/bench.cpuprofile.');
}

const [first = '', ...rest] = process.argv.slice(2);
try {
  if (first === 'flood') await runFlood(rest);
  else if (first === '--help') console.log(USAGE);
  else await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
