import { parsePhoneNumberFromString } from 'libphonenumber-js/max';
import { newKeys, proofFor } from '../../test/support/page.ts';
import type { Random } from '../random.ts';
import type { Inbox } from './inbox.ts';
import { NotTried } from './not-tried.ts';
import type { Answer, Browser, Extras, Target } from './target.ts';

/** A user with an account, or a stranger without one. */
export interface Person {
  readonly email: string;
  readonly fname: string;
  readonly phone: string;
  readonly password: string;
}

/** The means of one attack: browsers that are closed after it, and users of its own. */
export interface Scene {
  readonly target: Target;
  readonly inbox: Inbox;
  /** Opens a browser at the attack's own source address. */
  browser(): Browser;
  /** Opens a browser at a new source address. */
  elsewhere(): Browser;
  /** Like `elsewhere`, but throws NotTried if the target has only one source address. */
  fromAfar(): Browser;
  /** An area code that no other number of the run has. */
  readonly ownArea: string;
  /** Creates a user without an account. */
  stranger(given?: Partial<Person>): Person;
  /** Creates a user with an account. */
  signedUp(given?: Partial<Person>): Promise<Person>;
  /** Creates a user with an account who has signed in, so the browser is a known device. */
  signedIn(given?: Partial<Person>): Promise<{ person: Person; browser: Browser }>;
}

/** Creates a source of phone numbers for fiction (555-0100 to 555-0199), with changing area codes. */
export function fictionalNumbers(random: Random): { next(): string; ownArea: string } {
  const areas: string[] = [];
  for (let area = 200; area < 990; area += 1) {
    const number = parsePhoneNumberFromString(`+1${area}5550123`);
    if (number?.isValid() && number.country === 'US' && number.getType() === 'FIXED_LINE_OR_MOBILE')
      areas.push(String(area));
  }
  const first = random.below(100);
  const [ownArea = '', ...others] = random.shuffled(areas);
  let count = 0;
  return {
    next() {
      const lap = Math.floor(count / others.length);
      const number = `+1${others[count % others.length]}${numberInArea(first + lap)}`;
      count += 1;
      return number;
    },
    ownArea,
  };
}

/** Returns the seven digits of the fictional number with that index. */
export function numberInArea(place: number): string {
  return `55501${String(place % 100).padStart(2, '0')}`;
}

const PASSWORD = 'correct horse battery';

/** Returns a function that creates the scene of an attack. */
export function scenes(
  target: Target,
  inbox: Inbox,
): (onAnswer: (answer: Answer) => void) => Scene & { close(): void } {
  const numbers = fictionalNumbers(target.random);
  let peopleCount = 0;

  return (onAnswer) => {
    const opened: Browser[] = [];
    const address = target.newAddress();
    const open = (from: string | undefined): Browser => {
      const browser = target.browser(from);
      opened.push(browser);
      const noting = async (answer: Promise<Answer>) => {
        onAnswer(await answer);
        return answer;
      };
      return {
        ...browser,
        post: (path: string, fields?: Record<string, string> | string, extras?: Extras) =>
          noting(browser.post(path, fields, extras)),
        get: (path: string, extras?: Extras) => noting(browser.get(path, extras)),
      };
    };
    const self: Scene & { close(): void } = {
      target,
      inbox,
      browser: () => open(address),
      elsewhere: () => open(target.newAddress()),
      fromAfar() {
        if (!target.hasAddresses)
          throw new NotTried('needs many source addresses: Linux, and a target at 127.0.0.1');
        return open(target.newAddress());
      },
      ownArea: numbers.ownArea,
      stranger(given = {}) {
        peopleCount += 1;
        return {
          email: `attack-${target.runId}-${peopleCount}@example.com`,
          fname: `Sam${target.runId}`,
          phone: given.phone ?? numbers.next(),
          password: PASSWORD,
          ...given,
        };
      },
      async signedUp(given) {
        const person = self.stranger(given);
        const browser = self.browser();
        must(await signUp(browser, person), 201);
        browser.close();
        return person;
      },
      async signedIn(given) {
        const person = await self.signedUp(given);
        const browser = self.browser();
        must(await signIn(browser, person), 200);
        return { person, browser };
      },
      close() {
        for (const browser of opened) browser.close();
      },
    };
    return self;
  };
}

/** Returns the answer if it has that status. Throws NotTried otherwise. */
export function must(answer: Answer, status: number): Answer {
  if (answer.status === status) return answer;
  throw new NotTried(`can't go on after ${answer.status} ${answer.body.status ?? answer.text.slice(0, 40)}`);
}

/** Returns the flow of an answer. Throws NotTried without one. */
export function flowOf({ status, body }: Answer): string {
  if (body.flow !== undefined) return body.flow;
  throw new NotTried(`no flow came with ${status} ${body.status}: this hour's limits may be used up`);
}

/** Returns a seed for the address, with the salt and the kdf. */
export async function seedFor(
  browser: Browser,
  username: string,
): Promise<{ id: string; seed: string; salt: string; kdf: string }> {
  const {
    id = '',
    seed = '',
    salt = '',
    kdf = '',
  } = must(await browser.post('/getseed', { username }), 200).body;
  return { id, seed, salt, kdf };
}

/** Returns the fields of a sign-up. */
export async function signUpForm(browser: Browser, person: Person): Promise<Record<string, string>> {
  const { email, fname, phone: phoneno, password } = person;
  const { salt, kdf } = await seedFor(browser, email);
  return { email, fname, lname: 'Attack', phoneno, salt, kdf, ...newKeys(password, salt) };
}

export async function signUp(browser: Browser, person: Person): Promise<Answer> {
  return browser.post('/signup', await signUpForm(browser, person));
}

/** Returns the fields of a login with a password. */
export async function loginForm(
  browser: Browser,
  username: string,
  password: string,
): Promise<{ username: string; id: string; nonce: string; proof: string }> {
  const { id, nonce, proof } = proofFor(password, username, await seedFor(browser, username));
  return { username, id, nonce, proof };
}

export async function signIn(browser: Browser, { email, password }: Person): Promise<Answer> {
  return browser.post('/login', await loginForm(browser, email, password));
}

/** Signs in with a wrong password. */
export async function guessPassword(browser: Browser, username: string): Promise<Answer> {
  return browser.post('/login', await loginForm(browser, username, 'a wrong guess'));
}

/** Signs in with three wrong passwords. Returns the third answer, which must be `locked`. */
export async function lockOut(browser: Browser, username: string): Promise<Answer> {
  await guessPassword(browser, username);
  await guessPassword(browser, username);
  return must(await guessPassword(browser, username), 423);
}

export async function askReset(browser: Browser, username: string): Promise<Answer> {
  return browser.post('/resetpwd', { username });
}

/** Sends the second step of a reset. */
export async function setPassword(
  browser: Browser,
  username: string,
  flow: string,
  passcode: string,
  password: string,
): Promise<Answer> {
  const { salt, kdf } = await seedFor(browser, username);
  return browser.post('/resetpwd', { username, flow, passcode, salt, kdf, ...newKeys(password, salt) });
}

/** Runs `work` `count` times, at most `width` at once. Returns the results in order. */
export async function atOnce<Result>(
  count: number,
  work: (index: number) => Promise<Result>,
  width = count,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
  return results;
}

/** Counts the answers by word, as `3 wrong_code, 17 expired_code`. */
export function tally(answers: readonly Answer[]): string {
  const counts = new Map<string, number>();
  for (const { status, body } of answers) {
    const word = body.status ?? String(status);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} ${word}`).join(', ');
}

/** Counts the answers with one of these words. */
export function countOf(answers: readonly Answer[], ...words: string[]): number {
  return answers.filter(({ body }) => words.includes(body.status ?? '')).length;
}

/** An unknown flow. */
export const NO_FLOW = 'A'.repeat(22);
