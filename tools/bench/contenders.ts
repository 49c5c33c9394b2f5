import { createHmac, randomBytes } from 'node:crypto';
import { keysOf, newKeys, type PageKeys } from '../../test/support/page.ts';
import type { Answer, Connection } from './connection.ts';

/** One of the servers that are compared, and how its client signs in. */
export interface Contender {
  readonly name: string;
  /** What a reader needs to know of it, in a few words. */
  readonly title: string;
  /** The arguments for Node, from the project's root; the product's are `dist/main.js`. */
  readonly script: readonly string[];
  /** A `frame` answers requests and signs nobody in. */
  readonly kind: 'product' | 'frame' | 'peer';
  /** Whether its server hashes passwords so that it costs memory. */
  readonly isMemoryHard: boolean;
  /** Makes the accounts, where the server does not do so at its start. */
  prepare?(connection: Connection, accounts: number): Promise<void>;
  /** One whole sign-in (one request of a frame). Rejects unless every answer is what it has to be. */
  signIn(connection: Connection, account: number): Promise<void>;
  /** One try with a wrong password. Rejects unless it is refused for that. */
  failToSignIn(connection: Connection, account: number): Promise<void>;
}

export const PASSWORD = 'correct horse battery staple';
export const emailOf = (account: number) => `user${account}@example.com`;
export const phoneOf = (account: number) => `+1202555${String(100 + (account % 100)).padStart(4, '0')}`;
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString();

/** All servers, the product first. */
export const CONTENDERS: readonly Contender[] = [
  {
    name: 'product',
    title: 'this product: two requests, a signature, a session and a device on disk',
    script: ['dist/main.js'],
    kind: 'product',
    isMemoryHard: false,
    prepare: signUpAll,
    signIn: signInByProof,
    failToSignIn: failByProof,
  },
  {
    name: 'naked',
    title: 'Express with one route and nothing else',
    script: ['tools/bench/peers/naked.js'],
    kind: 'frame',
    isMemoryHard: false,
    ...onlyRequests(),
  },
  {
    name: 'middleware',
    title: 'Express with all that stands before a route of the product, and a route without work',
    script: ['tools/bench/peers/middleware.js'],
    kind: 'frame',
    isMemoryHard: false,
    ...onlyRequests(),
  },
  {
    name: 'argon2',
    title: 'passport-local and express-session, Argon2id on the server by the package argon2',
    script: ['tools/bench/peers/passport.js', 'argon2'],
    kind: 'peer',
    isMemoryHard: true,
    ...byPassport(),
  },
  {
    name: 'bcrypt',
    title: 'the same with bcrypt at cost 10',
    script: ['tools/bench/peers/passport.js', 'bcrypt'],
    kind: 'peer',
    isMemoryHard: false,
    ...byPassport(),
  },
  {
    name: 'better-auth',
    title: 'better-auth with email and password, scrypt on the server',
    script: ['tools/bench/peers/better-auth.js'],
    kind: 'peer',
    isMemoryHard: true,
    ...byBetterAuth(),
  },
];

interface Seed {
  readonly id: string;
  readonly seed: string;
  readonly salt: string;
  readonly kdf: string;
}

/** The keys of each account by its salt: a page would make them from the password with Argon2id, on its own machine. */
const keys = new Map<string, PageKeys>();

async function signUpAll(connection: Connection, accounts: number): Promise<void> {
  for (let account = 0; account < accounts; account += 1) {
    const { salt, kdf } = await seedFor(connection, account);
    const fields = {
      email: emailOf(account),
      fname: 'Sam',
      lname: 'Bench',
      phoneno: phoneOf(account),
      salt,
      kdf,
      ...newKeys(PASSWORD, salt),
    };
    expectAnswer(await connection.post('/signup', 'form', form(fields)), 201, '"status":"ok"');
  }
}

async function seedFor(connection: Connection, account: number): Promise<Seed> {
  const answer = await connection.post('/getseed', 'form', form({ username: emailOf(account) }));
  return JSON.parse(expectAnswer(answer, 200, '"status":"ok"').body) as Seed;
}

async function signInByProof(connection: Connection, account: number): Promise<void> {
  const { id, seed, salt, kdf } = await seedFor(connection, account);
  let own = keys.get(salt);
  if (own === undefined) {
    own = keysOf(PASSWORD, salt);
    keys.set(salt, own);
  }
  const username = emailOf(account);
  const nonce = randomBytes(18).toString('base64url');
  const message = [id, seed, salt, kdf, nonce, username].join('\n');
  const proof = createHmac('sha256', own.storedKey).update(message).digest();
  for (const [index, byte] of own.clientKey.entries()) proof[index] = (proof[index] ?? 0) ^ byte;
  const signature = createHmac('sha256', own.serverKey).update(message).digest('base64url');

  const fields = form({ username, id, nonce, proof: proof.toString('base64url') });
  const answer = expectAnswer(
    await connection.post('/login', 'form', fields),
    200,
    `"signature":"${signature}"`,
  );
  expectCookie(answer, 'sid');
}

async function failByProof(connection: Connection, account: number): Promise<void> {
  const { id } = await seedFor(connection, account);
  const random = (bytes: number) => randomBytes(bytes).toString('base64url');
  const fields = form({ username: emailOf(account), id, nonce: random(18), proof: random(32) });
  const answer = await connection.post('/login', 'form', fields);
  if (answer.status === 401) expectAnswer(answer, 401, '"status":"wrong"');
  else expectAnswer(answer, 423, '"status":"locked"');
}

function onlyRequests(): Pick<Contender, 'signIn' | 'failToSignIn'> {
  const signIn = async (connection: Connection, account: number) => {
    const fields = { username: emailOf(account), id: 'A'.repeat(22), nonce: 'A'.repeat(24) };
    const body = form({ ...fields, proof: 'A'.repeat(43) });
    expectAnswer(await connection.post('/login', 'form', body), 200, '"status":"ok"');
  };
  return { signIn, failToSignIn: signIn };
}

function byPassport(): Pick<Contender, 'signIn' | 'failToSignIn'> {
  const post = (connection: Connection, account: number, password: string) =>
    connection.post('/login', 'form', form({ username: emailOf(account), password }));
  return {
    async signIn(connection, account) {
      const answer = expectAnswer(await post(connection, account, PASSWORD), 302);
      if (!/^location: \/$/im.test(answer.head)) throw unexpected(answer);
      expectCookie(answer, 'connect.sid');
    },
    async failToSignIn(connection, account) {
      const answer = expectAnswer(await post(connection, account, wrongPassword()), 302);
      if (!/^location: \/login$/im.test(answer.head)) throw unexpected(answer);
    },
  };
}

function byBetterAuth(): Pick<Contender, 'signIn' | 'failToSignIn'> {
  const post = (connection: Connection, account: number, password: string) => {
    const body = JSON.stringify({ email: emailOf(account), password });
    return connection.post('/api/auth/sign-in/email', 'json', body);
  };
  return {
    async signIn(connection, account) {
      const answer = await post(connection, account, PASSWORD);
      expectCookie(expectAnswer(answer, 200, emailOf(account)), 'better-auth.session_token');
    },
    async failToSignIn(connection, account) {
      expectAnswer(await post(connection, account, wrongPassword()), 401, 'INVALID_EMAIL_OR_PASSWORD');
    },
  };
}

const wrongPassword = () => randomBytes(12).toString('base64url');

function expectAnswer(answer: Answer, status: number, part = ''): Answer {
  if (answer.status !== status || !answer.body.includes(part)) throw unexpected(answer);
  return answer;
}

function expectCookie(answer: Answer, name: string): void {
  if (!answer.head.toLowerCase().includes(`\r\nset-cookie: ${name}=`)) throw unexpected(answer);
}

function unexpected({ head, body }: Answer): Error {
  return new Error(`An answer is not what it has to be:\n${head}\n\n${body.slice(0, 500)}`);
}
