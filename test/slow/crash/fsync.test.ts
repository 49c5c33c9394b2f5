import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, test, vi } from 'vitest';
import { type Purpose, passcodeFor } from '../../../src/passcode.ts';
import { openTarget } from '../../../tools/attack/target.ts';
import { fillAccounts, fillBacklog } from '../../../tools/bench/fill.ts';
import { type Random, seededRandom } from '../../../tools/random.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startProgram } from '../../support/program.ts';
import { SEED } from '../../support/seed.ts';
import { fault, live, newPerson, type Person, readCodes, type Sent } from './people.ts';
import { NOTHING, type State, stateReader, textOf } from './state.ts';
import { type Act, actsIn, Disk, traceTo, whyNoTrace } from './trace.ts';

const LANES = 16;
/** Simulated power failures between answers. Some of the writes without a sync survive. */
const MOMENTS = 80;
/** Expired seeds, and as many codes, for the cleanup. Some are deleted before the first request. */
const BACKLOG = 1500;
const DELETED_BEFORE = 300;
/** Commits of the cleanup alone. Some of its deletions share a commit with requests, or are synced by a checkpoint. */
const COMMITS_WITHOUT_SYNC = 5;

test('each answer and each message is sent after the sync of its changes, so that a power failure loses none', async (context) => {
  const reason = whyNoTrace();
  if (reason !== undefined) context.skip(reason);

  const secret = randomBytes(32);
  const folder = realpathSync(temporaryFolder());
  const traceFile = join(folder, 'trace');
  const database = join(folder, 'data', 'users.db');
  await fillAccounts(database, { users: 1, sessions: 1 });
  fillBacklog(database, { users: 1, rows: BACKLOG });
  const filled = readFileSync(database);
  const env = {
    RATE_LIMITS: 'off',
    SMS_SENDER: 'console',
    CODE_RESEND_SECONDS: '0',
    APP_SECRET: secret.toString('base64url'),
  };
  const program = await startProgram(env, folder, traceTo(traceFile));
  await vi.waitFor(() => expect(backlogIn(database)).toBeLessThan(BACKLOG - DELETED_BEFORE), 30_000);
  const codes = new Map<string, string[]>();
  readCodes(program, codes);
  const requests: Sent[] = [];
  const target = await openTarget(new URL(program.origin));
  const scene = { target, codes, answers: new Map<string, number>(), requests };
  for (let count = 0; count < 2; count += 1) {
    await live(scene, seededRandom(SEED + count), newPerson(scene, count));
  }
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      await live(scene, seededRandom(SEED + lane * 7919), newPerson(scene, 1000 + lane));
    }),
  );
  program.process.kill('SIGTERM');
  await program.ended();

  const acts: Act[] = [
    { kind: 'write', file: database, at: 0, bytes: filled },
    { kind: 'sync', file: database },
    ...actsIn(readFileSync(traceFile, 'latin1'), database),
  ];
  const tally = replay(acts, requests, database, secret, seededRandom(SEED));
  if (process.env.CRASH_ROUNDS !== undefined) console.log(tally);
  expect(tally.answers, `seed ${SEED}`).toBe(requests.length);
  expect(tally.messages, `seed ${SEED}`).toBeGreaterThan(5);
  // The cleanup does not sync, so the answers can't depend on its syncs.
  const log = `${database}-wal`;
  expect(commitsWithoutSync(acts, log)).toBeGreaterThan(COMMITS_WITHOUT_SYNC);
});

interface Tally {
  answers: number;
  changes: number;
  messages: number;
  moments: number;
  syncs: number;
}

/** Replays what the program did, with a power failure at each answer, each message and at random moments. */
function replay(
  acts: readonly Act[],
  requests: readonly Sent[],
  database: string,
  secret: Buffer,
  random: Random,
): Tally {
  const tally: Tally = { answers: 0, changes: 0, messages: 0, moments: 0, syncs: 0 };
  const disk = new Disk();
  const answered = new Map<Person, State>();
  const open = new Map<Person, State>();
  const everybody = new Set(requests.map(({ person }) => person));
  const share = MOMENTS / acts.filter(isOnFile).length;
  const noneSurvives = () => false;
  let image: Image | undefined;
  let imageAt = -1;
  const imageNow = () => {
    if (imageAt !== disk.syncs) {
      image?.close();
      image = openImage(disk, database, noneSurvives);
      imageAt = disk.syncs;
    }
    return image as Image;
  };

  for (const act of acts) {
    disk.take(act);
    if (act.kind === 'request') {
      const { person, after } = requests[act.number] as Sent;
      open.set(person, after);
    } else if (act.kind === 'answer') {
      const { person, route, before, after } = requests[act.number] as Sent;
      const found = textOf(imageNow().stateOf(person.email));
      if (found !== textOf(after)) {
        throw fault(
          person,
          `when a ${route} is answered, the disk has ${found}\n  in place of ${textOf(after)}`,
        );
      }
      answered.set(person, after);
      open.delete(person);
      tally.answers += 1;
      if (before !== after) tally.changes += 1;
    } else if (act.kind === 'print') {
      for (const [, code = ''] of act.text.matchAll(/: (\d{6}) is your code to /g)) {
        expect(imageNow().passcodes(secret), 'a code is sent before it is on the disk').toContain(code);
        tally.messages += 1;
      }
    } else if (isOnFile(act) && answered.size > 0 && random.happens(share)) {
      const torn = openImage(disk, database, () => random.happens(0.5));
      for (const person of everybody) {
        const found = textOf(torn.stateOf(person.email));
        const before = answered.get(person) ?? NOTHING;
        const fitting = [before, open.get(person) ?? before].map((state) => textOf(state));
        if (!fitting.includes(found)) throw fault(person, `a power failure leaves ${found}`);
      }
      torn.close();
      tally.moments += 1;
    }
  }
  image?.close();
  tally.syncs = disk.syncs;
  return tally;
}

/** Counts the commits that no sync follows before the next commit. */
function commitsWithoutSync(acts: readonly Act[], log: string): number {
  let count = 0;
  let isSynced = true;
  for (const act of acts) {
    if (act.kind === 'sync' && act.file === log) isSynced = true;
    if (!isCommit(act, log)) continue;
    if (!isSynced) count += 1;
    isSynced = false;
  }
  return count;
}

/** A frame that ends a transaction has the size of the database in its header (SQLite's file format, 4.1). */
function isCommit(act: Act, log: string): boolean {
  return act.kind === 'write' && act.file === log && act.bytes.length === 24 && act.bytes.readUInt32BE(4) > 0;
}

/** Returns the number of expired seeds that are left. */
function backlogIn(database: string): number {
  const db = new Database(database, { readonly: true });
  try {
    return db.prepare("SELECT count(*) FROM seeds WHERE network LIKE '10.%'").pluck().get() as number;
  } finally {
    db.close();
  }
}

function isOnFile({ kind }: Act): boolean {
  return kind === 'write' || kind === 'sync';
}

interface Image {
  stateOf(email: string): State;
  /** Returns all codes that a message may contain. */
  passcodes(secret: Buffer): string[];
  close(): void;
}

/** Opens the database as the next start after a power failure would. */
function openImage(disk: Disk, database: string, survives: () => boolean): Image {
  const folder = mkdtempSync(join(dirname(dirname(database)), 'left-'));
  const path = join(folder, 'users.db');
  writeFileSync(path, disk.file(database, survives));
  writeFileSync(`${path}-wal`, disk.file(`${database}-wal`, survives));
  const db = new Database(path);
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  const codes = () =>
    db.prepare('SELECT id, email, purpose, device FROM codes').all() as {
      id: string;
      email: string;
      purpose: Purpose;
      device: string;
    }[];
  return {
    stateOf: stateReader(db),
    passcodes: (secret) => codes().map((code) => passcodeFor([secret], code)),
    close() {
      db.close();
      rmSync(folder, { recursive: true });
    },
  };
}
