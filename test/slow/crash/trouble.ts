import { randomBytes } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { type Answer, type Browser, openTarget } from '../../../tools/attack/target.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { NONCE, newKeys, proofFor } from '../../support/page.ts';
import { type Program, startProgram } from '../../support/program.ts';
import { readCodes } from './people.ts';
import { type State, stateReader, textOf } from './state.ts';

/** A request that can be repeated, and the word of its answer while the database works. */
interface NextRequest {
  readonly path: string;
  readonly fields: Record<string, string>;
  readonly browser: Browser;
  readonly status: string;
}

/** A running program with users in every state, and their next requests. */
export interface Scene {
  readonly program: Program;
  /** Sends all requests at once. Throws unless each gets `unavailable` within five seconds and no account changes. */
  expectUnavailable(): Promise<void>;
  /** Sends all requests at once. Throws unless each gets its answer and the database is intact. */
  expectAnswers(): Promise<void>;
}

const ANSWER_WITHIN_MS = 5000;
const CROWD = 12;

/**
 * Starts the program and creates its users. `through` is a command that runs the command behind it. `seen` returns the
 * path of the program's folder for this process.
 */
export async function openScene(
  folder: string,
  through: readonly string[] = [],
  seen = (_program: Program) => folder,
): Promise<Scene> {
  const env = {
    RATE_LIMITS: 'off',
    SMS_SENDER: 'console',
    CODE_RESEND_SECONDS: '0',
    APP_SECRET: randomBytes(32).toString('base64url'),
  };
  const program = await startProgram(env, folder, through);
  const codes = new Map<string, string[]>();
  readCodes(program, codes);
  const target = await openTarget(new URL(program.origin));
  let count = 0;

  async function someone(name: string) {
    count += 1;
    const phone = `+1202${2_000_000 + count}`;
    const browser = target.browser();
    const username = `${name}@example.com`;
    const seed = async () => {
      const { id = '', seed = '', salt = '', kdf = '' } = (await browser.post('/getseed', { username })).body;
      return { id, seed, salt, kdf };
    };
    const { salt, kdf } = await seed();
    const keys = (password: string) => ({ salt, kdf, ...newKeys(password, salt) });
    const signUp = { email: username, fname: 'Ann', lname: 'Lee', phoneno: phone, ...keys(name) };
    const login = async (password: string) => {
      const { id, proof } = proofFor(password, username, await seed());
      return { username, id, nonce: NONCE, proof };
    };
    const code = () => expect.poll(() => codes.get(phone)?.at(-1)).toBeTruthy();
    return {
      username,
      browser,
      keys,
      signUp,
      login,
      async join() {
        expect((await browser.post('/signup', signUp)).status).toBe(201);
      },
      async signIn(password: string): Promise<Answer> {
        return browser.post('/login', await login(password));
      },
      async code() {
        await code();
        return codes.get(phone)?.at(-1) ?? '';
      },
    };
  }

  const requests: NextRequest[] = [];
  const emails: string[] = [];
  const request = (
    path: string,
    status: string,
    person: { browser: Browser; username: string },
    fields: Record<string, string>,
  ) => {
    requests.push({ path, status, fields, browser: person.browser });
    emails.push(person.username);
  };

  const ann = await someone('ann');
  await ann.join();
  request('/login', 'ok', ann, await ann.login('ann'));

  const bob = await someone('bob');
  await bob.join();
  await bob.signIn('a guess');
  request('/login', 'wrong', bob, await bob.login('a guess'));

  const carol = await someone('carol');
  await carol.join();
  for (let time = 0; time < 2; time += 1) await carol.signIn('a guess');
  request('/login', 'locked', carol, await carol.login('a guess'));

  const dave = await someone('dave');
  await dave.join();
  for (let time = 0; time < 2; time += 1) await dave.signIn('a guess');
  const { flow: unlockFlow = '' } = (await dave.signIn('a guess')).body;
  const { username } = dave;
  request('/verifypasscode', 'ok', dave, { username, flow: unlockFlow, passcode: await dave.code() });

  const eve = await someone('eve');
  await eve.join();
  await eve.signIn('eve');
  const { flow = '' } = (await eve.browser.post('/resetpwd', { username: eve.username })).body;
  const reset = { username: eve.username, flow, passcode: await eve.code(), ...eve.keys('another') };
  request('/resetpwd', 'ok', eve, reset);

  const fay = await someone('fay');
  await fay.join();
  await fay.signIn('fay');
  request('/logout', 'ok', fay, {});

  const guy = await someone('guy');
  await guy.join();
  request('/resetpwd', 'code_sent', guy, { username: guy.username });
  const hal = await someone('hal');
  request('/getseed', 'ok', hal, { username: hal.username });
  for (let place = 0; place < CROWD; place += 1) {
    const newcomer = await someone(`newcomer-${place}`);
    request('/signup', 'ok', newcomer, newcomer.signUp);
  }

  const readable = () => {
    const place = seen(program);
    if (place === folder) return folder;
    // SQLite can't open a path on another process's disk.
    const copy = temporaryFolder();
    cpSync(join(place, 'data'), join(copy, 'data'), { recursive: true });
    return copy;
  };
  const read = <Result>(
    work: (stateOf: (email: string) => State, db: Database.Database) => Result,
  ): Result => {
    const db = new Database(join(readable(), 'data', 'users.db'), { readonly: true });
    try {
      return work(stateReader(db), db);
    } finally {
      db.close();
    }
  };
  const states = () => read((stateOf) => emails.map((email) => `${email} ${textOf(stateOf(email))}`));
  const send = () => Promise.all(requests.map(({ browser, path, fields }) => browser.post(path, fields)));
  const before = states();
  return {
    program,
    async expectUnavailable() {
      const answers = await send();
      for (const [index, { status, body, ms }] of answers.entries()) {
        const what = `${requests[index]?.path} of ${emails[index]} after ${Math.round(ms)} ms`;
        expect({ what, status, word: body.status }).toEqual({ what, status: 503, word: 'unavailable' });
        expect(ms, what).toBeLessThan(ANSWER_WITHIN_MS);
      }
      expect(states()).toEqual(before);
    },
    async expectAnswers() {
      const answers = await send();
      expect(answers.map(({ body }, index) => `${emails[index]} ${body.status}`)).toEqual(
        requests.map(({ status }, index) => `${emails[index]} ${status}`),
      );
      expect(answers[1]?.body.triesLeft).toBe(1);
      expect((await ann.browser.get('/about')).text).toContain(`signed in as <strong>${ann.username}`);
      expect((await eve.signIn('another')).body.status).toBe('ok');
      expect(read((_, db) => db.pragma('integrity_check', { simple: true }))).toBe('ok');
    },
  };
}
