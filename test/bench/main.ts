import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withMeasured } from '../support/measured.ts';
import { shuffled } from '../support/statistics.ts';
import { openConnection } from './connection.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import { type FloodSlice, measureFlood, runFlood } from './flood.ts';
import { measureSlice, type Slice } from './load.ts';
import { plotOf } from './plot.ts';
import { type CpuProfile, profileReport } from './profile.ts';
import { reportForMarkdown, reportForTerminal, type Setting } from './report.ts';
import { fsyncMsIn, pinLoad, ROOT, type Server, startServer } from './server.ts';

const USAGE = `npm run bench -- [options]

  --rounds 5         rounds in which each server gets a slice
  --seconds 4        seconds of a slice
  --flood-rounds 3   rounds of the flood
  --flood-seconds 5  seconds that the honest user is watched, alone and again beside the flood
  --users 16         users who sign in at once
  --accounts 1000    accounts that they sign in to
  --write            writes the figures into docs/benchmarks.md and docs/images/benchmarks.svg
  --profile          runs the product alone for ten seconds, and prints where its time goes`;

const PROFILE_SECONDS = 10;
const WARM_UP_SECONDS = 1;

function readArguments(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      'flood-rounds': { type: 'string', default: '3' },
      'flood-seconds': { type: 'string', default: '5' },
      users: { type: 'string', default: '16' },
      accounts: { type: 'string', default: '1000' },
      write: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
    },
  });
  const number = (name: 'rounds' | 'seconds' | 'flood-rounds' | 'flood-seconds' | 'users' | 'accounts') => {
    const value = Number(values[name]);
    if (!(value > 0)) throw new Error(`--${name} must be a number above 0.`);
    return value;
  };
  return {
    rounds: number('rounds'),
    seconds: number('seconds'),
    floodRounds: number('flood-rounds'),
    floodSeconds: number('flood-seconds'),
    users: number('users'),
    accounts: Math.max(2, number('accounts')),
    isWritten: values.write,
    isProfile: values.profile,
  };
}

/** Runs the benchmark, or its profile, and prints what came of it. */
async function main(args: string[]): Promise<void> {
  const options = readArguments(args);
  const isPinned = pinLoad();
  if (!isPinned) console.warn('There is no taskset here: servers and load share all cores.');
  // Beside the sources, since a system's folder for temporary files is often no disk.
  mkdirSync(join(ROOT, 'data'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'data', 'bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  if (options.isProfile) return profile({ ...options, folder, isPinned });

  installPeers();
  const setting: Setting = { ...options, isPinned, fsyncMs: fsyncMsIn(folder) };
  const servers = await startAll({ ...options, folder, isPinned });
  const slices = await inRounds<Slice>('Round', servers, setting.rounds, (contender, server) =>
    measureSlice(contender, server, setting),
  );
  const signingIn = servers.filter(([{ kind }]) => kind !== 'frame');
  const floods = await inRounds<FloodSlice>('Flood', signingIn, setting.floodRounds, (contender, server) =>
    measureFlood(contender, server, {
      accounts: setting.accounts,
      seconds: setting.floodSeconds,
      bundle: join(ROOT, 'dist', 'bench.js'),
    }),
  );
  for (const [, server] of servers) await server.stop();

  const results = { slices, floods };
  console.log(`\n${reportForTerminal(results, setting).replaceAll('**', '')}`);
  if (!options.isWritten) return;
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
  const folder = join(ROOT, 'test', 'bench');
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

async function startAll(start: Start): Promise<[Contender, Server][]> {
  const servers: [Contender, Server][] = [];
  for (const contender of CONTENDERS) {
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

/** Gives each server a slice in each round, in an order of its own, so that what slows the machine for a while meets all. */
async function inRounds<Round>(
  label: string,
  servers: readonly [Contender, Server][],
  rounds: number,
  measure: (contender: Contender, server: Server) => Promise<Round>,
): Promise<Map<string, Round[]>> {
  const results = new Map<string, Round[]>(servers.map(([{ name }]) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`${label} ${round} of ${rounds} …`);
    for (const [contender, server] of shuffled(servers)) {
      results.get(contender.name)?.push(await measure(contender, server));
    }
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
