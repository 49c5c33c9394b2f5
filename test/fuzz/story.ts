import { keysOf, NONCE, newKeys, proofFor } from '../support/page.ts';
import type { Chance } from './chance.ts';

/** The POST requests of the contract, by their paths. */
export type Route =
  | 'getseed'
  | 'signup'
  | 'login'
  | 'verifypasscode'
  | 'resetpwd'
  | 'resendcode'
  | 'codestatus'
  | 'logout';

/** A form that the contract takes as it is, whose it is, and what its answer changes. */
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

/** Somebody with an address, signed up or not, and all that their browser has learned. */
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

/** The newest codes that were sent to a number, by their purpose. */
export type Phonebook = Map<string, { unlock?: string; reset?: string }>;

/** Somebody new: `count` must be one of a kind in a run. */
export function newPerson(chance: Chance, count: number): Person {
  const area = ['202', '212', '312', '415', '617'][Math.floor(count / 7_000_000) % 5];
  return {
    email: `person-${count}@example.com`,
    phone: `+1${area}${2_000_000 + (count % 7_000_000)}`,
    signsUp: chance.happens(0.75),
    isSignedUp: false,
    password: 'correct horse battery',
    seeds: [],
    flows: { unlock: [], reset: [] },
    cookies: new Map(),
  };
}

/** The next form that somebody sends, right or wrong in its contents, in whatever state their story is. */
export function nextForm(chance: Chance, person: Person, others: readonly Person[], codes: Phonebook): Form {
  const at = chance.below(100);
  if (person.seeds.length === 0 || at < 22) return askSeed(chance, person);
  if (person.signsUp && at < (person.isSignedUp ? 25 : 50)) return signUp(chance, person);
  if (at < 58) return signIn(chance, person, others);
  if (at < 70) return unlock(chance, person, others, codes);
  if (at < 77) return askReset(chance, person);
  if (at < 84) return setPassword(chance, person, others, codes);
  if (at < 91) return askAgain(chance, person, others);
  if (at < 98) return askStatus(chance, person, others);
  return { route: 'logout', fields: [], person, learn: () => undefined };
}

function askSeed(chance: Chance, person: Person): Form {
  const username = typed(chance, person);
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

function signUp(chance: Chance, person: Person): Form {
  const { salt = '', kdf = '' } = person.seeds.at(-1) ?? {};
  const { storedKey, serverKey } = newKeys(person.password, salt);
  return {
    route: 'signup',
    fields: [
      ['email', typed(chance, person)],
      ['fname', chance.pick(['Ann', 'Zoë', '李', "O'Brien", '<b>Bob</b>', '  Eve  ', 'x'.repeat(100)])],
      ['lname', chance.pick(['Lee', 'Núñez', '"; DROP TABLE users; --', '🐈‍⬛', '{{1}}<%= 1 %>'])],
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

function signIn(chance: Chance, person: Person, others: readonly Person[]): Form {
  const seed = chance.pick(person.seeds);
  const password = chance.happens(0.4) ? person.password : 'wrong';
  const { id, proof } = proofFor(password, seed.username, seed);
  const isOthers = chance.happens(0.05);
  return {
    route: 'login',
    fields: [
      ['username', isOthers ? chance.pick(others).email : seed.username],
      ['id', chance.happens(0.05) ? chance.token(16) : id],
      ['nonce', NONCE],
      ['proof', chance.happens(0.05) ? chance.token(32) : proof],
    ],
    person,
    learn({ status, flow }) {
      if (status !== 'bad_seed' && !isOthers && chance.happens(0.8)) {
        person.seeds = person.seeds.filter((other) => other !== seed);
      }
      keep(person, 'unlock', flow);
    },
  };
}

function unlock(chance: Chance, person: Person, others: readonly Person[], codes: Phonebook): Form {
  const flow = someFlow(chance, person, others, 'unlock');
  return {
    route: 'verifypasscode',
    fields: [
      ['username', typed(chance, person)],
      ['flow', flow],
      ['passcode', someCode(chance, codes.get(person.phone)?.unlock)],
    ],
    person,
    learn({ status }) {
      // Most of those that are done with are forgotten; some are tried again.
      if (status !== 'expired_code' || chance.happens(0.3)) return;
      person.flows.unlock = person.flows.unlock.filter((other) => other !== flow);
    },
  };
}

function askReset(chance: Chance, person: Person): Form {
  return {
    route: 'resetpwd',
    fields: [['username', typed(chance, person)]],
    person,
    learn({ flow }) {
      keep(person, 'reset', flow);
    },
  };
}

function setPassword(chance: Chance, person: Person, others: readonly Person[], codes: Phonebook): Form {
  const { salt = '', kdf = '' } = person.seeds.at(-1) ?? {};
  const password = `password ${chance.below(1000)}`;
  const { storedKey, serverKey } = keysOf(password, salt);
  return {
    route: 'resetpwd',
    fields: [
      ['username', typed(chance, person)],
      ['flow', someFlow(chance, person, others, 'reset')],
      ['passcode', someCode(chance, codes.get(person.phone)?.reset)],
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

function askAgain(chance: Chance, person: Person, others: readonly Person[]): Form {
  const purpose = chance.pick(['unlock', 'reset'] as const);
  return {
    route: 'resendcode',
    fields: [['flow', someFlow(chance, person, others, purpose)]],
    person,
    learn({ flow }) {
      keep(person, purpose, flow);
    },
  };
}

function askStatus(chance: Chance, person: Person, others: readonly Person[]): Form {
  const flow = someFlow(chance, person, others, chance.pick(['unlock', 'reset']));
  return { route: 'codestatus', fields: [['flow', flow]], person, learn: () => undefined };
}

function keep({ flows }: Person, purpose: keyof Person['flows'], flow: unknown): void {
  if (typeof flow !== 'string' || flows[purpose].includes(flow)) return;
  flows[purpose] = [...flows[purpose].slice(-11), flow];
}

/** An address as people type it: it comes to the same one. */
function typed(chance: Chance, { email }: Person): string {
  if (chance.happens(0.8)) return email;
  return chance.pick([email.toUpperCase(), ` ${email} `, `\u00a0${email}`]);
}

function someFlow(
  chance: Chance,
  person: Person,
  others: readonly Person[],
  purpose: keyof Person['flows'],
): string {
  const { flows } = chance.happens(0.9) ? person : chance.pick(others);
  const kept = flows[chance.happens(0.9) ? purpose : chance.pick(['unlock', 'reset'] as const)];
  const newest = kept.at(-1);
  if (newest === undefined || chance.happens(0.05)) return chance.token(16);
  return chance.happens(0.5) ? newest : chance.pick(kept);
}

function someCode(chance: Chance, code: string | undefined): string {
  const digits =
    code !== undefined && chance.happens(0.8) ? code : String(chance.below(1_000_000)).padStart(6, '0');
  return chance.happens(0.8) ? digits : chance.pick([' ', '-', '–']) + digits.match(/../g)?.join('- ');
}
