import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withMeasured } from '../measured.ts';
import { seededRandom } from '../random.ts';
import { type AttackSlice, CONNECTION_ATTACKS, measureAttack, runAttack } from './attacks.ts';
import { CONTENDERS, type Contender, PRODUCT } from './contenders.ts';
import { fillAccounts } from './fill.ts';
import { type FloodSlice, measureFlood, runFlood } from './flood.ts';
import { measureSlice, middleOf, type Slice } from './load.ts';
import { readOptions, workFolder } from './options.ts';
import { plotOf } from './plot.ts';
import { type CpuProfile, profileReport } from './profile.ts';
import { forMarkdown, forTerminal, reportOf, type Setting } from './report.ts';
import type { Results } from './results.ts';
import { fsyncMsIn, pinLoad, ROOT, type Server, startServer } from './server.ts';

const USAGE = `npm run bench -- [options]

  --rounds 7          rounds, each with a new start of the product and the frames
  --turns 5           turns of these in a round; a peer has one turn
  --seconds 0.6       seconds of a turn
  --flood-rounds 2    rounds of the flood, each with a new start of the product
  --flood-seconds 60  seconds of the honest user alone, and again beside the flood; at most 60
  --attack-seconds 10 seconds of the honest user alone, and again beside each attack on connections
  --users 16          users who sign in at once
  --accounts 1000     accounts
  --write             writes the figures to docs/benchmarks.md and docs/images/benchmarks.svg
  --profile           profiles the product for ten seconds, and prints the CPU time by function`;

const PROFILE_SECONDS = 10;
const WARM_UP_SECONDS = 1.5;
/** Warms up from many networks, because each has a limit of requests. */
const WARM_UP_NETWORKS = 64;

const DEFAULTS = {
  rounds: 7,
  turns: 5,
  seconds: 0.6,
  'flood-rounds': 2,
  'flood-seconds': 60,
  'attack-seconds': 10,
  users: 16,
  accounts: 1000,
};

async function main(args: string[]): Promise<void> {
  const options = readOptions(args, DEFAULTS, ['write', 'profile']);
  const isPinned = pinLoad();
  if (!isPinned) console.warn('This system has no taskset, so servers and load share all cores.');
  const folder = workFolder('bench');
  const setting: Setting = {
    ...options,
    floodRounds: options['flood-rounds'],
    floodSeconds: options['flood-seconds'],
    attackSeconds: options['attack-seconds'],
    isPinned,
    fsyncMs: fsyncMsIn(folder),
  };
  if (options.profile) return profile(folder, setting);

  installPeers();
  const slices = await measureSignIns(folder, setting);
  const floods = await measureFloods(folder, setting);
  const attacks = await measureAttacks(folder, setting);
  const results: Results = { slices, floods, attacks };
  const report = reportOf(results, setting);
  console.log(`\n${forTerminal(report)}`);
  if (!options.write) return;
  const document = join(ROOT, 'docs', 'benchmarks.md');
  writeFileSync(document, withMeasured(readFileSync(document, 'utf8'), forMarkdown(report), 'bench'));
  writeFileSync(join(ROOT, 'docs', 'images', 'benchmarks.svg'), plotOf(results));
  console.log('\nWritten to docs/benchmarks.md and docs/images/benchmarks.svg.');
}

/** Installs the peers in their own folder, so the product's dependencies stay few. */
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

/**
 * Measures all servers in rounds and in random order, so a slow moment of the machine meets all of them. A round starts
 * the product and the frames anew, because one process can be faster than the next.
 */
async function measureSignIns(folder: string, setting: Setting): Promise<Map<string, Slice[]>> {
  const random = seededRandom(1);
  const slices = new Map(CONTENDERS.map(({ name }): [string, Slice[]] => [name, []]));
  const peers = await startAll(
    CONTENDERS.filter(({ kind }) => kind === 'peer'),
    folder,
    setting,
  );
  for (let round = 1; round <= setting.rounds; round += 1) {
    console.log(`Round ${round} of ${setting.rounds} …`);
    const others = await startAll(
      CONTENDERS.filter(({ kind }) => kind !== 'peer'),
      folder,
      setting,
    );
    const turns = new Map<string, Slice[]>();
    for (let turn = 1; turn <= setting.turns; turn += 1) {
      for (const [contender, server] of random.shuffled(turn === 1 ? [...others, ...peers] : others)) {
        const slice = await measureSlice(contender, server, setting);
        turns.set(contender.name, [...(turns.get(contender.name) ?? []), slice]);
      }
    }
    for (const [name, taken] of turns) slices.get(name)?.push(middleOf(taken));
    for (const [, server] of others) await server.stop();
  }
  for (const [, server] of peers) await server.stop();
  return slices;
}

async function measureFloods(folder: string, setting: Setting): Promise<FloodSlice[]> {
  if (process.platform !== 'linux') {
    console.warn('The flood is omitted, because only Linux has many loopback addresses.');
    return [];
  }
  const { accounts, floodRounds, floodSeconds } = setting;
  const floods: FloodSlice[] = [];
  for (let round = 1; round <= floodRounds; round += 1) {
    console.log(`Flood ${round} of ${floodRounds} …`);
    const server = await startLimited(folder, setting);
    floods.push(await measureFlood(server, { accounts, seconds: floodSeconds }));
    await server.stop();
  }
  return floods;
}

/** Measures each attack on connections on a new start of the product, in `floodRounds` rounds. */
async function measureAttacks(folder: string, setting: Setting): Promise<Map<string, AttackSlice[]>> {
  const attacks = new Map(CONNECTION_ATTACKS.map(({ name }): [string, AttackSlice[]] => [name, []]));
  if (process.platform !== 'linux') return attacks;
  for (let round = 1; round <= setting.floodRounds; round += 1) {
    for (const [name, slices] of attacks) {
      console.log(`Attack ${round} of ${setting.floodRounds}: ${name} …`);
      const server = await startLimited(folder, setting);
      slices.push(await measureAttack(server, name, setting.attackSeconds));
      await server.stop();
    }
  }
  return attacks;
}

/** Starts the product with its default limits. */
function startLimited(folder: string, setting: Setting): Promise<Server> {
  return start(PRODUCT, folder, { ...setting, users: WARM_UP_NETWORKS }, { env: { RATE_LIMITS: 'on' } });
}

type StartOptions = { nodeFlags?: readonly string[]; env?: Record<string, string> };

async function startAll(
  contenders: readonly Contender[],
  folder: string,
  setting: Setting,
): Promise<[Contender, Server][]> {
  const servers: [Contender, Server][] = [];
  for (const contender of contenders) servers.push([contender, await start(contender, folder, setting)]);
  return servers;
}

/** Starts a server in a new folder with its accounts, warms it up, and lets it rest. */
async function start(
  contender: Contender,
  folder: string,
  { accounts, users, isPinned }: Setting,
  { nodeFlags = [], env = {} }: StartOptions = {},
): Promise<Server> {
  const own = mkdtempSync(join(folder, `${contender.name.replaceAll(/\W+/g, '-')}-`));
  const database = join(own, 'users.db');
  if (contender.kind === 'product') await fillAccounts(database, { users: accounts, sessions: 1 });
  const server = await startServer(contender, {
    cwd: own,
    accounts,
    isPinned,
    nodeFlags,
    env: { DATABASE_URL: `file:${database}`, ...env },
  });
  await measureSlice(contender, server, { users, accounts, seconds: WARM_UP_SECONDS });
  return server;
}

async function profile(folder: string, setting: Setting): Promise<void> {
  const output = join(folder, 'profile');
  const nodeFlags = ['--cpu-prof', '--cpu-prof-interval=250', `--cpu-prof-dir=${output}`];
  const server = await start(PRODUCT, folder, setting, { nodeFlags });
  const slice = await measureSlice(PRODUCT, server, { ...setting, seconds: PROFILE_SECONDS });
  await server.stop();
  const [file = ''] = readdirSync(output);
  copyFileSync(join(output, file), join(ROOT, 'data', 'bench.cpuprofile'));
  const measured = JSON.parse(readFileSync(join(output, file), 'utf8')) as CpuProfile;
  console.log(profileReport(measured, Math.round(slice.perSecond * (PROFILE_SECONDS + WARM_UP_SECONDS))));
  console.log('\nThe profile for the developer tools of a browser is data/bench.cpuprofile.');
}

const [first = '', ...rest] = process.argv.slice(2);
try {
  if (first === 'flood') await runFlood(rest);
  else if (first === 'attack') await runAttack(rest);
  else if (first === '--help') console.log(USAGE);
  else await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exit(1);
}
