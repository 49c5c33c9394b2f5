import { hashOf } from '../../../src/token.ts';
import type { Answer, Browser, Target } from '../../../tools/attack/target.ts';
import type { Random } from '../../../tools/random.ts';
import { NONCE, newKeys, proofFor } from '../../support/page.ts';
import { onPrintedCode, type Program } from '../../support/program.ts';
import {
  afterAskReset,
  afterLogin,
  afterLogout,
  afterReset,
  afterSeed,
  afterSignUp,
  afterUnlock,
  type Effect,
  type Told,
} from './rules.ts';
import { NOTHING, namesIn, type State } from './state.ts';

/** A user with an address and browsers, and the state of their account by all answers. */
export interface Person {
  readonly email: string;
  readonly phone: string;
  /** All passwords that were ever sent. The keys of the account show which one it has. */
  readonly passwords: string[];
  /** The account by all answers so far. */
  state: State;
  /** The request without an answer, and the account if it happened. */
  pending: { readonly route: string; readonly after: State } | undefined;
  browsers: Browser[];
  salt: { salt: string; kdf: string };
  /** The hashes of all tokens that the user received. */
  readonly told: Set<string>;
  readonly sessions: string[];
  readonly flows: { flow: string; purpose: 'unlock' | 'reset'; code: () => string | undefined }[];
  readonly oldPasswords: string[];
  usedSeed: { id: string; seed: string; password: string } | undefined;
  codesAsked: number;
  readonly history: string[];
}

/** The target of the requests, and records of the answers. */
export interface Scene {
  readonly target: Target;
  /** All codes that were printed for a number, oldest first. */
  readonly codes: ReadonlyMap<string, readonly string[]>;
  /** The number of answers by route and word. */
  readonly answers: Map<string, number>;
  /** All requests in order, if recorded. The header `X-Request` has a request's index. */
  readonly requests?: Sent[];
}

/** A request, and its account before and after it. */
export interface Sent {
  readonly person: Person;
  readonly route: string;
  readonly before: State;
  after: State;
}

/** The number of messages that an account can get within the hour. */
const CODES_A_LIFE = 4;

/** Creates a user. `count` must be unique for the database. */
export function newPerson({ target }: Scene, count: number): Person {
  const area = ['202', '212', '312', '415', '617'][Math.floor(count / 7_000_000) % 5];
  return {
    email: `person-${count}@example.com`,
    phone: `+1${area}${2_000_000 + (count % 7_000_000)}`,
    passwords: [`password of ${count}`],
    state: NOTHING,
    pending: undefined,
    browsers: [target.browser(), target.browser()],
    salt: { salt: '', kdf: '' },
    told: new Set(),
    sessions: [],
    flows: [],
    oldPasswords: [],
    usedSeed: undefined,
    codesAsked: 0,
    history: [],
  };
}

/** Adds every code that the program prints to `codes`, by its number. */
export function readCodes(program: Program, codes: Map<string, string[]>): void {
  onPrintedCode(program, ({ phone, code }) => codes.set(phone, [...(codes.get(phone) ?? []), code]));
}

/** Sends some twenty requests, one after the other. Returns false if the program has ended. */
export async function live(scene: Scene, random: Random, person: Person): Promise<boolean> {
  try {
    await askSeed(scene, person, browserOf(person, 0));
    if (random.happens(0.2)) await signIn(scene, person, browserOf(person, 1), 'a guess');
    await signUp(scene, person);
    const steps = 4 + random.below(12);
    for (let step = 0; step < steps && person.codesAsked < CODES_A_LIFE; step += 1) {
      await doSomething(scene, random, person);
    }
    return true;
  } catch (error) {
    if (error instanceof Gone) return false;
    throw error;
  } finally {
    for (const browser of person.browsers) browser.close();
  }
}

async function doSomething(scene: Scene, random: Random, person: Person): Promise<void> {
  const browser = random.pick(person.browsers);
  const open = await openFlow(person);
  const at = random.below(100);
  if (open !== undefined && at < 60) {
    const code = random.happens(0.8) ? open.code : otherThan(open.code);
    if (open.purpose === 'unlock') return unlock(scene, person, browser, open.flow, code);
    return setPassword(scene, person, browser, open.flow, code, `new password ${random.below(1_000_000)}`);
  }
  if (at < 30) return signIn(scene, person, browser, passwordOf(person));
  if (at < 55) {
    for (let time = 0; time < 3 && person.codesAsked < CODES_A_LIFE; time += 1) {
      await signIn(scene, person, browser, 'a guess');
    }
    return;
  }
  if (at < 65) return signIn(scene, person, browser, 'a guess');
  if (at < 80) return askReset(scene, person, browser);
  if (at < 95) return logout(scene, person, browser);
  if (at < 97) return signUp(scene, person);
  return useSeedAgain(scene, person);
}

/**
 * Checks the restarted program against all answers of a user. Spent codes, used seeds and old passwords are refused.
 * Sessions are live or ended as before, and the password signs in.
 */
export async function checkAgain(scene: Scene, person: Person): Promise<void> {
  const { target, answers } = scene;
  const fresh = target.browser();
  person.browsers = [fresh];
  const note = (what: string) => void answers.set(what, (answers.get(what) ?? 0) + 1);
  try {
    for (const token of person.sessions) {
      const isLive = person.state.sessions.includes(hashOf(token));
      const page = await fresh.get('/about', { headers: { Cookie: `sid=${token}` } });
      if (page.text.includes(`signed in as <strong>${person.email}</strong>`) !== isLive) {
        throw fault(person, `a session that should be ${isLive ? 'live' : 'ended'} is not`);
      }
      note(`again: session ${isLive ? 'live' : 'ended'}`);
    }
    if (person.usedSeed !== undefined) {
      await useSeedAgain(scene, person);
      note('again: seed refused');
    }
    if (person.salt.salt === '') return;

    for (const { flow, purpose, code } of person.flows) {
      if (person.state.flows[hashOf(flow)]?.isSpent !== true) continue;
      const passcode = code() ?? '000000';
      if (purpose === 'unlock') await unlock(scene, person, fresh, flow, passcode);
      else await setPassword(scene, person, fresh, flow, passcode, 'a thief');
      note('again: code refused');
    }
    const isLocked = () => person.state.lockouts['']?.isLocked === true;
    for (const old of person.oldPasswords.slice(-1)) {
      if (isLocked()) break;
      await signIn(scene, person, fresh, old);
      note('again: old password refused');
    }
    if (isLocked()) {
      const open = await openFlow(person, '');
      if (open === undefined) {
        await signIn(scene, person, fresh, passwordOf(person));
        note('again: still locked');
        return;
      }
      await unlock(scene, person, fresh, open.flow, open.code);
      note('again: code accepted');
    }
    await signIn(scene, person, fresh, passwordOf(person));
    if (person.state.user !== null) note('again: password accepted');
  } finally {
    fresh.close();
  }
}

/** Returns an error with the history of a user. */
export function fault(person: Person, what: string): Error {
  return new Error(`${person.email}: ${what}\n  after ${person.history.join(', ')}`);
}

class Gone extends Error {}

/** Sends a form. Throws if the answer breaks the rules, and throws `Gone` if there is no answer. */
async function ask(
  { answers, requests }: Scene,
  person: Person,
  browser: Browser,
  route: string,
  fields: Record<string, string>,
  effect: (told: Told) => Effect,
): Promise<Answer> {
  person.pending = { route, after: effect({}).after };
  const sent: Sent = { person, route, before: person.state, after: person.pending.after };
  const place = requests?.push(sent) ?? 0;
  const headers = { 'X-Request': String(place - 1) };
  const answer = await browser.post(`/${route}`, fields, { headers }).catch(() => undefined);
  if (answer === undefined) {
    person.history.push(`${route} without an answer`);
    throw new Gone();
  }
  const { status: word = String(answer.status), id, flow } = answer.body;
  person.history.push(`${route} ${word}`);
  const { status, after } = effect({
    ...(id !== undefined && { seed: id }),
    ...(flow !== undefined && { flow: hashOf(flow) }),
    ...hashesIn(browser),
  });
  if (word !== status) throw fault(person, `${route} is answered ${word} in place of ${status}`);
  person.state = after;
  sent.after = after;
  person.pending = undefined;
  for (const name of namesIn(after)) person.told.add(name);
  answers.set(`${route} ${word}`, (answers.get(`${route} ${word}`) ?? 0) + 1);
  return answer;
}

async function askSeed(
  scene: Scene,
  person: Person,
  browser: Browser,
): Promise<{ id: string; seed: string }> {
  const fields = { username: person.email };
  const { body } = await ask(scene, person, browser, 'getseed', fields, (told) =>
    afterSeed(person.state, told),
  );
  const { id = '', seed = '', salt = '', kdf = '' } = body;
  person.salt = { salt, kdf };
  return { id, seed };
}

async function signUp(scene: Scene, person: Person): Promise<void> {
  const { email, phone, salt } = person;
  const keys = newKeys(passwordOf(person), salt.salt);
  const fields = { email, fname: 'Ann', lname: 'Lee', phoneno: phone, ...salt, ...keys };
  await ask(scene, person, browserOf(person, 0), 'signup', fields, () => {
    return afterSignUp(person.state, inHex(keys));
  });
}

async function signIn(scene: Scene, person: Person, browser: Browser, password: string): Promise<void> {
  const { id, seed } = await askSeed(scene, person, browser);
  const { status } = (await sendLogin(scene, person, browser, { id, seed, password })).body;
  if (status === 'ok') {
    person.usedSeed = { id, seed, password };
    person.sessions.push(browser.cookies.get('sid') ?? '');
  }
}

async function useSeedAgain(scene: Scene, person: Person): Promise<void> {
  if (person.usedSeed !== undefined) await sendLogin(scene, person, browserOf(person, 0), person.usedSeed);
}

async function sendLogin(
  scene: Scene,
  person: Person,
  browser: Browser,
  { id, seed, password }: { id: string; seed: string; password: string },
): Promise<Answer> {
  const { email: username, state } = person;
  const { proof, signature } = proofFor(password, username, { id, seed, ...person.salt });
  const { device = '', session } = hashesIn(browser);
  const sent = { seed: id, isRight: password === passwordOf(person), device, session };
  const fields = { username, id, nonce: NONCE, proof };
  const answer = await ask(scene, person, browser, 'login', fields, (told) => afterLogin(state, sent, told));
  if (answer.body.status === 'ok' && answer.body.signature !== signature)
    throw fault(person, 'a wrong signature');
  keepFlow(scene, person, 'unlock', answer);
  return answer;
}

async function unlock(
  scene: Scene,
  person: Person,
  browser: Browser,
  flow: string,
  passcode: string,
): Promise<void> {
  const { email: username, state } = person;
  const { device = '' } = hashesIn(browser);
  const sent = { flow: hashOf(flow), isRight: isRight(person, flow, passcode), device };
  const fields = { username, flow, passcode };
  await ask(scene, person, browser, 'verifypasscode', fields, (told) => afterUnlock(state, sent, told));
}

async function askReset(scene: Scene, person: Person, browser: Browser): Promise<void> {
  const { email: username, state } = person;
  const { device = '' } = hashesIn(browser);
  const fields = { username };
  const answer = await ask(scene, person, browser, 'resetpwd', fields, (told) =>
    afterAskReset(state, { device }, told),
  );
  keepFlow(scene, person, 'reset', answer);
}

async function setPassword(
  scene: Scene,
  person: Person,
  browser: Browser,
  flow: string,
  passcode: string,
  password: string,
): Promise<void> {
  const { email: username, state, salt } = person;
  const keys = newKeys(password, salt.salt);
  const old = passwordOf(person);
  person.passwords.push(password);
  const { device = '' } = hashesIn(browser);
  const sent = { flow: hashOf(flow), isRight: isRight(person, flow, passcode), device, keys: inHex(keys) };
  const fields = { username, flow, passcode, ...salt, ...keys };
  const answer = await ask(scene, person, browser, 'resetpwd', fields, (told) =>
    afterReset(state, sent, told),
  );
  if (answer.body.status === 'ok') person.oldPasswords.push(old);
}

async function logout(scene: Scene, person: Person, browser: Browser): Promise<void> {
  const { session } = hashesIn(browser);
  if (session === undefined) return;
  await ask(scene, person, browser, 'logout', {}, () => afterLogout(person.state, { session }));
}

function keepFlow({ codes }: Scene, person: Person, purpose: 'unlock' | 'reset', { body }: Answer): void {
  if (body.flow === undefined || person.state.user === null) return;
  const nth = person.codesAsked;
  person.codesAsked += 1;
  person.flows.push({ flow: body.flow, purpose, code: () => codes.get(person.phone)?.[nth] });
}

/** Returns a code that can be tried, after its message has come. `device` chooses its count. */
async function openFlow(
  person: Person,
  device?: string,
): Promise<{ flow: string; purpose: 'unlock' | 'reset'; code: string } | undefined> {
  const found = person.flows.findLast(({ flow, purpose }) => {
    const state = person.state.flows[hashOf(flow)];
    if (state === undefined || state.isTried || state.isSpent) return false;
    return device === undefined || (purpose === 'unlock' && state.device === device);
  });
  if (found === undefined) return undefined;
  for (let time = 0; time < 20; time += 1) {
    const code = found.code();
    if (code !== undefined) return { ...found, code };
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return undefined;
}

function isRight(person: Person, flow: string, passcode: string): boolean {
  return person.flows.find((other) => other.flow === flow)?.code() === passcode;
}

function otherThan(code: string): string {
  return `${code.slice(0, 5)}${(Number(code.at(-1)) + 1) % 10}`;
}

function browserOf({ browsers }: Person, index: number): Browser {
  return (browsers[index] ?? browsers[0]) as Browser;
}

/** Returns the hashes of the cookies of a browser. */
function hashesIn({ cookies }: Browser): { session?: string; device?: string } {
  const session = cookies.get('sid');
  const device = [...cookies].find(([name]) => name.startsWith('device-'))?.[1];
  return {
    ...(session !== undefined && { session: hashOf(session) }),
    ...(device !== undefined && { device: hashOf(device) }),
  };
}

function passwordOf({ passwords, state, salt }: Person): string {
  const isSet = (password: string) => inHex(newKeys(password, salt.salt)).storedKey === state.user?.storedKey;
  return passwords.findLast(isSet) ?? passwords[0] ?? '';
}

function inHex({ storedKey, serverKey }: { storedKey: string; serverKey: string }) {
  const hex = (key: string) => Buffer.from(key, 'base64url').toString('hex').toUpperCase();
  return { storedKey: hex(storedKey), serverKey: hex(serverKey) };
}
