import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { openTarget } from '../../../tools/attack/target.ts';
import { seededRandom } from '../../../tools/random.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { startProgram } from '../../support/program.ts';
import { ROOT } from '../../support/site.ts';
import { live, newPerson, type Person, readCodes } from './people.ts';
import { stateReader } from './state.ts';

const LANES = 8;
/** Rows that make the database big, so that a copy takes a while. */
const PADDING_ROWS = 5000;

const run = promisify(execFile);

/** Runs the backup command in a folder. Returns its exit code and what it printed. */
async function backUp(folder: string, ...args: string[]): Promise<{ code: number; printed: string }> {
  const env = { PATH: process.env.PATH };
  const made = run(process.execPath, [join(ROOT, 'dist', 'commands', 'backup.js'), ...args], {
    cwd: folder,
    env,
    timeout: 30_000,
  });
  return made.then(
    ({ stdout, stderr }) => ({ code: 0, printed: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, printed: stdout + stderr }),
  );
}

test('a backup under load is whole, holds all earlier answers, and can be started from', async () => {
  const folder = temporaryFolder();
  const env = { RATE_LIMITS: 'off', SMS_SENDER: 'console', CODE_RESEND_SECONDS: '0' };
  const program = await startProgram(env, folder);
  pad(join(folder, 'data', 'users.db'));
  const codes = new Map<string, string[]>();
  readCodes(program, codes);
  const target = await openTarget(new URL(program.origin));
  const scene = { target, codes, answers: new Map<string, number>() };
  const people: Person[] = [];
  let isOver = false;
  const load = Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (let count = lane; !isOver; count += LANES) {
        const person = newPerson(scene, count);
        people.push(person);
        await live(scene, seededRandom(count), person);
      }
    }),
  );

  const copies: { path: string; before: Person[] }[] = [];
  for (const name of ['first.db', 'second.db', 'third.db']) {
    const signedUp = () => people.filter(isSignedUp).length;
    await expect.poll(signedUp, { timeout: 30_000 }).toBeGreaterThan(copies.length * 10 + 10);
    const before = people.filter(isSignedUp);
    const { code, printed } = await backUp(folder, name);
    expect({ code, printed }).toEqual({
      code: 0,
      printed: expect.stringMatching(/^\w+\.db is a copy of .*accounts\.\n$/),
    });
    copies.push({ path: join(folder, name), before });
  }
  isOver = true;
  await load;

  for (const { path, before } of copies) {
    expect(statSync(path).mode & 0o077).toBe(0);
    const db = new Database(path, { readonly: true });
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(db.pragma('foreign_key_check')).toEqual([]);
    const stateOf = stateReader(db);
    for (const { email } of before) expect(stateOf(email).user, email).not.toBeNull();
    db.close();
  }
  expect(readdirSync(folder).filter((name) => name.includes('.part'))).toEqual([]);

  const restored = temporaryFolder();
  mkdirSync(join(restored, 'data'));
  renameSync(copies.at(-1)?.path ?? '', join(restored, 'data', 'users.db'));
  const second = await startProgram(env, restored);
  const again = await openTarget(new URL(second.origin));
  for (const { email } of copies.at(-1)?.before.slice(0, 20) ?? []) {
    const browser = again.browser();
    const { salt = '', kdf = '' } = (await browser.post('/getseed', { username: email })).body;
    const keys = { storedKey: 'A'.repeat(43), serverKey: 'A'.repeat(43) };
    const fields = { email, fname: 'Ann', lname: 'Lee', phoneno: '+12025550123', salt, kdf, ...keys };
    expect((await browser.post('/signup', fields)).body.status, email).toBe('taken');
    browser.close();
  }
});

test('a backup of a stopped or killed program holds all accounts', async () => {
  const folder = temporaryFolder();
  const program = await startProgram({ RATE_LIMITS: 'off', SMS_SENDER: 'console' }, folder);
  const target = await openTarget(new URL(program.origin));
  const scene = { target, codes: new Map(), answers: new Map<string, number>() };
  await live(scene, seededRandom(1), newPerson(scene, 1));
  program.process.kill('SIGKILL');
  await program.ended();
  expect(await backUp(folder, 'killed.db')).toEqual({
    code: 0,
    printed: expect.stringContaining('with 1 account.'),
  });
  const second = await startProgram({}, folder);
  second.process.kill('SIGTERM');
  await second.ended();
  expect(await backUp(folder, 'stopped.db')).toEqual({
    code: 0,
    printed: expect.stringContaining('with 1 account.'),
  });
});

test('a backup overwrites no file, and a failed one gives its reason in a sentence', async () => {
  const folder = temporaryFolder();
  const nothing = await backUp(folder, 'copy.db');
  expect(nothing).toEqual({ code: 1, printed: expect.stringMatching(/can't be backed up to copy\.db\./) });
  expect(existsSync(join(folder, 'data'))).toBe(false);
  expect(existsSync(join(folder, 'copy.db'))).toBe(false);

  const program = await startProgram({}, folder);
  writeFileSync(join(folder, 'copy.db'), 'mine');
  const taken = await backUp(folder, 'copy.db');
  expect(taken).toEqual({ code: 1, printed: expect.stringContaining('copy.db exists already') });
  expect(statSync(join(folder, 'copy.db')).size).toBe(4);
  const unnamed = await backUp(folder);
  expect(unnamed).toEqual({ code: 1, printed: expect.stringContaining('npm run backup -- copy.db') });
  for (const { printed } of [nothing, taken, unnamed]) expect(printed).not.toContain('    at ');
  expect(program.process.exitCode).toBeNull();
});

function isSignedUp({ state }: Person): boolean {
  return state.user !== null;
}

/** Adds events that the program never reads. */
function pad(path: string): void {
  const db = new Database(path, { timeout: 5000 });
  const add = db.prepare('INSERT INTO events (key, number, at_ms) VALUES (?, 1, ?)');
  db.transaction(() => {
    for (let row = 0; row < PADDING_ROWS; row += 1) add.run(`padding ${row} ${'x'.repeat(400)}`, Date.now());
  })();
  db.close();
}
