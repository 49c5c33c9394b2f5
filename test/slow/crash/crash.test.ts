import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openTarget } from '../../../tools/attack/target.ts';
import { seededRandom } from '../../../tools/random.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startPostgres } from '../../support/postgres-server.ts';
import { asAdmin, urlOf } from '../../support/postgres-setup.ts';
import { type Program, startProgram } from '../../support/program.ts';
import { SEED } from '../../support/seed.ts';
import { checkAgain, fault, live, newPerson, type Person, readCodes, type Scene } from './people.ts';
import { copyToSqlite } from './postgres-copy.ts';
import { namesIn, type State, stateReader, textOf } from './state.ts';

/** The number of kills. A long run: `CRASH_ROUNDS=200 npm run test:slow -- crash.test`. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 20);
const LANES = 24;
/** The number of users whose answers are checked over HTTP after a round. The database is checked for all users. */
const ASKED_AGAIN = 60;

/** The rounds on PostgreSQL. Each also kills PostgreSQL, and starts it again. */
const POSTGRES_ROUNDS = Math.ceil(ROUNDS / 4);

/** The database of the rounds. */
interface Place {
  readonly folder: string;
  readonly env: Record<string, string>;
  /** Returns the path of a SQLite file with the rows. */
  file(): Promise<string>;
  /** Runs right after the program was killed. */
  afterKill?(): Promise<void>;
}

test('a program that is killed keeps all that it has answered, and does nothing by halves', {
  timeout: 60_000 + ROUNDS * 8000,
}, async () => {
  const folder = temporaryFolder();
  const file = async () => join(folder, 'data', 'users.db');
  const answers = await runRounds(ROUNDS, { folder, env: {}, file });
  for (const answer of SEEN) expect([...answers.keys()], `seed ${SEED}`).toContain(answer);
});

test('a program and a PostgreSQL that are killed keep all that they have answered, and do nothing by halves', {
  timeout: 60_000 + POSTGRES_ROUNDS * 16_000,
}, async () => {
  const folder = temporaryFolder();
  const server = await startPostgres(['max_connections=60']);
  onTestFinished(() => server.stop());
  await asAdmin(server.url(), "CREATE DATABASE app ENCODING 'UTF8' TEMPLATE template0");
  const url = urlOf(server.url(), 'app');
  const answers = await runRounds(POSTGRES_ROUNDS, {
    folder,
    env: { DATABASE_URL: url },
    async file() {
      await copyToSqlite(url, join(folder, 'copy.db'));
      return join(folder, 'copy.db');
    },
    async afterKill() {
      server.kill();
      await server.start();
    },
  });
  expect([...answers.keys()], `seed ${SEED}`).toContain('again: session live');
});

/** Runs rounds of users and kills. Returns how often each answer came. */
async function runRounds(rounds: number, place: Place): Promise<Map<string, number>> {
  const env = {
    RATE_LIMITS: 'off',
    SMS_SENDER: 'console',
    CODE_RESEND_SECONDS: '0',
    APP_SECRET: randomBytes(32).toString('base64url'),
    ...place.env,
  };
  const random = seededRandom(SEED);
  const answers = new Map<string, number>();
  const codes = new Map<string, string[]>();
  const everybody: Person[] = [];
  let count = 0;
  const start = async () => {
    const program = await startProgram(env, place.folder);
    readCodes(program, codes);
    return { program, scene: { target: await openTarget(new URL(program.origin)), codes, answers } };
  };

  let { program, scene } = await start();
  for (let round = 0; round < rounds; round += 1) {
    const run = `round ${round} with seed ${SEED}`;
    const nextCount = () => {
      count += 1;
      return count;
    };
    const killAfterMs = 20 + random.below(780);
    const laneSeed = random.below(2 ** 32);
    try {
      const people = await loadAndKill(program, scene, killAfterMs, laneSeed, nextCount);
      everybody.push(...people);
      await place.afterKill?.();
      compare(await place.file(), everybody.slice(-1000), answers);
      ({ program, scene } = await start());
      await inLanes(people.slice(-ASKED_AGAIN), (person) => checkAgain(scene, person));
      compare(await place.file(), people, new Map());
    } catch (error) {
      throw new Error(`In ${run}: ${(error as Error).message}`, { cause: error });
    }
  }

  compare(await place.file(), everybody, new Map(), { areSeedsExpired: true });

  const seen = [...answers].sort(([left], [right]) => (left < right ? -1 : 1));
  if (process.env.CRASH_ROUNDS !== undefined) console.log(Object.fromEntries(seen), { people: count });
  return answers;
}

/** Answers without which a run proves little. */
const SEEN = [
  'signup ok',
  'login ok',
  'login wrong',
  'login locked',
  'verifypasscode ok',
  'resetpwd ok',
  'logout ok',
  'again: session live',
  'again: session ended',
  'again: seed refused',
  'again: code refused',
  'again: old password refused',
  'again: password accepted',
];

/** Runs users until the program is killed, and returns them. */
async function loadAndKill(
  program: Program,
  scene: Scene,
  afterMs: number,
  seed: number,
  nextCount: () => number,
): Promise<Person[]> {
  const people: Person[] = [];
  setTimeout(() => program.process.kill('SIGKILL'), afterMs);
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      const random = seededRandom(seed + lane * 7919);
      for (;;) {
        const person = newPerson(scene, nextCount());
        people.push(person);
        if (!(await live(scene, random, person))) return;
      }
    }),
  );
  await program.ended();
  return people;
}

/**
 * Compares the database, read by SQL alone, with all answers. A request without an answer may have happened or not.
 * A long run ignores seeds, because they expire after five minutes.
 */
function compare(
  file: string,
  people: readonly Person[],
  answers: Map<string, number>,
  { areSeedsExpired = false } = {},
): void {
  const db = new Database(file, { readonly: true });
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(db.pragma('foreign_key_check')).toEqual([]);
    const stateOf = stateReader(db);
    const comparable = (state: State) => (areSeedsExpired ? { ...state, seeds: [] } : state);
    for (const person of people) {
      const state = stateOf(person.email);
      const found = textOf(comparable(state), (name) => person.told.has(name));
      const { pending } = person;
      const isBefore = found === textOf(comparable(person.state));
      const isAfter = pending !== undefined && found === textOf(pending.after);
      if (!isBefore && !isAfter) {
        const or = pending ? `\n  or, had the ${pending.route} happened, ${textOf(pending.after)}` : '';
        throw fault(person, `the database has ${found}\n  in place of ${textOf(person.state)}${or}`);
      }
      if (pending === undefined) continue;
      const end = `unanswered: ${pending.route} ${isBefore && isAfter ? 'changes nothing' : isAfter ? 'happened' : 'did not happen'}`;
      answers.set(end, (answers.get(end) ?? 0) + 1);
      person.state = state;
      person.pending = undefined;
      for (const name of namesIn(state)) person.told.add(name);
    }
  } finally {
    db.close();
  }
}

async function inLanes<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = [...items];
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
    }),
  );
}
