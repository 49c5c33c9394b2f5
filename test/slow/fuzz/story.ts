import type { Random } from '../../../tools/random.ts';
import { keysOf, NONCE, newKeys, proofFor } from '../../support/page.ts';

/** The API's POST requests, by their paths. */
export const ROUTES = [
  'getseed',
  'signup',
  'login',
  'verifypasscode',
  'resetpwd',
  'resendcode',
  'codestatus',
  'logout',
] as const;
export type Route = (typeof ROUTES)[number];

/** A well-formed form, its sender, and what the sender learns from the answer. */
export interface Form {
  readonly route: Route;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly person: Person;
  learn(answer: Record<string, unknown>): void;
}

interface Seed {
  readonly username: string;
  readonly id: string;
  readonly seed: string;
  readonly salt: string;
  readonly kdf: string;
}

/** A user with an address, signed up or not, and all that their browser has learned. */
export interface Person {
  readonly email: string;
  readonly phone: string;
  readonly signsUp: boolean;
  isSignedUp: boolean;
  password: string;
  seeds: Seed[];
  flows: { unlock: string[]; reset: string[] };
  cookies: Map<string, string>;
}

/** The newest codes that were sent to each number, by purpose. */
export type Phonebook = Map<string, { unlock?: string; reset?: string }>;

/** Creates a user. `count` must be unique in a run. */
export function newPerson(random: Random, count: number): Person {
  const area = ['202', '212', '312', '415', '617'][Math.floor(count / 7_000_000) % 5];
  return {
    email: `person-${count}@example.com`,
    phone: `+1${area}${2_000_000 + (count % 7_000_000)}`,
    signsUp: random.happens(0.75),
    isSignedUp: false,
    password: 'correct horse battery',
    seeds: [],
    flows: { unlock: [], reset: [] },
    cookies: new Map(),
  };
}

/** Returns the next form of a user, with right or wrong contents. */
export function nextForm(random: Random, person: Person, others: readonly Person[], codes: Phonebook): Form {
  const at = random.below(100);
  if (person.seeds.length === 0 || at < 22) return askSeed(random, person);
  if (person.signsUp && at < (person.isSignedUp ? 25 : 50)) return signUp(random, person);
  if (at < 58) return signIn(random, person, others);
  if (at < 70) return unlock(random, person, others, codes);
  if (at < 77) return askReset(random, person);
  if (at < 84) return setPassword(random, person, others, codes);
  if (at < 91) return askAgain(random, person, others);
  if (at < 98) return askStatus(random, person, others);
  return { route: 'logout', fields: [], person, learn: () => undefined };
}

function askSeed(random: Random, person: Person): Form {
  const username = typed(random, person);
  return {
    route: 'getseed',
    fields: [['username', username]],
    person,
    learn({ status, id, seed, salt, kdf }) {
      if (status !== 'ok') return;
      person.seeds = [...person.seeds.slice(-5), { username, id, seed, salt, kdf } as Seed];
    },
  };
}

function signUp(random: Random, person: Person): Form {
  const { salt = '', kdf = '' } = person.seeds.at(-1) ?? {};
  const { storedKey, serverKey } = newKeys(person.password, salt);
  return {
    route: 'signup',
    fields: [
      ['email', typed(random, person)],
      ['fname', random.pick(['Ann', 'Zoë', '李', "O'Brien", '<b>Bob</b>', '  Eve  ', 'x'.repeat(100)])],
      ['lname', random.pick(['Lee', 'Núñez', '"; DROP TABLE users; --', '🐈‍⬛', '{{1}}<%= 1 %>'])],
      ['phoneno', person.phone],
      ['salt', salt],
      ['kdf', kdf],
      ['storedKey', storedKey],
      ['serverKey', serverKey],
    ],
    person,
    learn({ status }) {
      person.isSignedUp ||= status === 'ok' || status === 'taken';
    },
  };
}

function signIn(random: Random, person: Person, others: readonly Person[]): Form {
  const seed = random.pick(person.seeds);
  const password = random.happens(0.4) ? person.password : 'wrong';
  const { id, proof } = proofFor(password, seed.username, seed);
  const isOthers = random.happens(0.05);
  return {
    route: 'login',
    fields: [
      ['username', isOthers ? random.pick(others).email : seed.username],
      ['id', random.happens(0.05) ? random.token(16) : id],
      ['nonce', NONCE],
      ['proof', random.happens(0.05) ? random.token(32) : proof],
    ],
    person,
    learn({ status, flow }) {
      if (status !== 'bad_seed' && !isOthers && random.happens(0.8)) {
        person.seeds = person.seeds.filter((other) => other !== seed);
      }
      keep(person, 'unlock', flow);
    },
  };
}

function unlock(random: Random, person: Person, others: readonly Person[], codes: Phonebook): Form {
  const flow = someFlow(random, person, others, 'unlock');
  return {
    route: 'verifypasscode',
    fields: [
      ['username', typed(random, person)],
      ['flow', flow],
      ['passcode', someCode(random, codes.get(person.phone)?.unlock)],
    ],
    person,
    learn({ status }) {
      // Some expired flows are tried again.
      if (status !== 'expired_code' || random.happens(0.3)) return;
      person.flows.unlock = person.flows.unlock.filter((other) => other !== flow);
    },
  };
}

function askReset(random: Random, person: Person): Form {
  return {
    route: 'resetpwd',
    fields: [['username', typed(random, person)]],
    person,
    learn({ flow }) {
      keep(person, 'reset', flow);
    },
  };
}

function setPassword(random: Random, person: Person, others: readonly Person[], codes: Phonebook): Form {
  const { salt = '', kdf = '' } = person.seeds.at(-1) ?? {};
  const password = `password ${random.below(1000)}`;
  const { storedKey, serverKey } = keysOf(password, salt);
  return {
    route: 'resetpwd',
    fields: [
      ['username', typed(random, person)],
      ['flow', someFlow(random, person, others, 'reset')],
      ['passcode', someCode(random, codes.get(person.phone)?.reset)],
      ['salt', salt],
      ['kdf', kdf],
      ['storedKey', storedKey.toString('base64url')],
      ['serverKey', serverKey.toString('base64url')],
    ],
    person,
    learn({ status }) {
      if (status === 'ok') person.password = password;
    },
  };
}

function askAgain(random: Random, person: Person, others: readonly Person[]): Form {
  const purpose = random.pick(['unlock', 'reset'] as const);
  return {
    route: 'resendcode',
    fields: [['flow', someFlow(random, person, others, purpose)]],
    person,
    learn({ flow }) {
      keep(person, purpose, flow);
    },
  };
}

function askStatus(random: Random, person: Person, others: readonly Person[]): Form {
  const flow = someFlow(random, person, others, random.pick(['unlock', 'reset']));
  return { route: 'codestatus', fields: [['flow', flow]], person, learn: () => undefined };
}

function keep({ flows }: Person, purpose: keyof Person['flows'], flow: unknown): void {
  if (typeof flow !== 'string' || flows[purpose].includes(flow)) return;
  flows[purpose] = [...flows[purpose].slice(-11), flow];
}

/** Returns one of the spellings of the user's address. */
function typed(random: Random, { email }: Person): string {
  if (random.happens(0.8)) return email;
  return random.pick([email.toUpperCase(), ` ${email} `, `\u00a0${email}`]);
}

function someFlow(
  random: Random,
  person: Person,
  others: readonly Person[],
  purpose: keyof Person['flows'],
): string {
  const { flows } = random.happens(0.9) ? person : random.pick(others);
  const kept = flows[random.happens(0.9) ? purpose : random.pick(['unlock', 'reset'] as const)];
  const newest = kept.at(-1);
  if (newest === undefined || random.happens(0.05)) return random.token(16);
  return random.happens(0.5) ? newest : random.pick(kept);
}

function someCode(random: Random, code: string | undefined): string {
  const digits =
    code !== undefined && random.happens(0.8) ? code : String(random.below(1_000_000)).padStart(6, '0');
  return random.happens(0.8) ? digits : random.pick([' ', '-', '–']) + digits.match(/../g)?.join('- ');
}
