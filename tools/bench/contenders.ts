import { createHmac, hash, randomBytes } from 'node:crypto';
import { keysOf, type PageKeys } from '../../test/support/page.ts';
import type { Answer, Connection } from './connection.ts';

/** A server of the comparison, and its client. */
export interface Contender {
  readonly name: string;
  /** The arguments for Node, relative to the project's root. */
  readonly script: readonly string[];
  /** A `frame` answers requests without a sign-in. */
  readonly kind: 'product' | 'frame' | 'peer';
  /** True if the server hashes passwords with a memory-hard function. */
  readonly isMemoryHard: boolean;
  /** Settings of its own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Signs in once; sends one request to a frame. Rejects on a wrong answer. */
  signIn(connection: Connection, account: number): Promise<unknown>;
}

export const PASSWORD = 'correct horse battery staple';
export const emailOf = (account: number) => `user${account}@example.com`;
export const phoneOf = (account: number) => `+1202555${String(100 + (account % 100)).padStart(4, '0')}`;

export const PRODUCT: Contender = {
  name: 'product',
  script: ['dist/main.js'],
  kind: 'product',
  isMemoryHard: false,
  signIn: signInByProof,
};

/** The product, if each user signs in on a known device. */
export const KNOWN_DEVICE: Contender = {
  ...PRODUCT,
  name: 'known device',
  env: { SECOND_FACTOR: 'never' },
  signIn: signInOnKnownDevice,
};

/** The same, if unknown devices need a code. */
export const KNOWN_OF_TWO: Contender = {
  ...KNOWN_DEVICE,
  name: 'known device, codes',
  env: { SECOND_FACTOR: 'unknown_device' },
};

/** All servers, the product first. */
export const CONTENDERS: readonly Contender[] = [
  PRODUCT,
  KNOWN_DEVICE,
  KNOWN_OF_TWO,
  {
    name: 'naked',
    script: ['tools/bench/peers/naked.js'],
    kind: 'frame',
    isMemoryHard: false,
    signIn: sendRequest,
  },
  {
    name: 'middleware',
    script: ['tools/bench/peers/middleware.js'],
    kind: 'frame',
    isMemoryHard: false,
    signIn: sendRequest,
  },
  {
    name: 'argon2',
    script: ['tools/bench/peers/passport.js', 'argon2'],
    kind: 'peer',
    isMemoryHard: true,
    signIn: signInByPassport,
  },
  {
    name: 'bcrypt',
    script: ['tools/bench/peers/passport.js', 'bcrypt'],
    kind: 'peer',
    isMemoryHard: false,
    signIn: signInByPassport,
  },
  {
    name: 'better-auth',
    script: ['tools/bench/peers/better-auth.js'],
    kind: 'peer',
    isMemoryHard: true,
    signIn: signInByBetterAuth,
  },
];

/** Returns the device token that a new database has for an account. Neighbours in number are neighbours in its index. */
export function firstDeviceOf(account: number): string {
  return account.toString(16).padStart(12, '0') + hash('sha256', emailOf(account), 'base64url');
}

async function signInOnKnownDevice(connection: Connection, account: number): Promise<void> {
  const { devices } = connection;
  const name = `device-${hash('sha256', emailOf(account), 'hex').slice(0, 8)}`;
  const { head } = await signInByProof(
    connection,
    account,
    `${name}=${devices.get(account) ?? firstDeviceOf(account)}`,
  );
  const token = new RegExp(`^set-cookie: ${name}=([^;]+)`, 'im').exec(head)?.[1];
  if (token !== undefined) devices.set(account, token);
}

/** The keys of the accounts by salt. A page would compute them from the password with Argon2id. */
const keys = new Map<string, PageKeys>();

async function signInByProof(connection: Connection, account: number, cookie?: string): Promise<Answer> {
  const username = emailOf(account);
  const answer = expectAnswer(await connection.post('/getseed', 'form', form({ username })), 200);
  const { id, seed, salt, kdf } = JSON.parse(answer.body) as Record<string, string>;
  const own = keys.get(salt ?? '') ?? keysOf(PASSWORD, salt ?? '');
  keys.set(salt ?? '', own);
  const nonce = randomBytes(18).toString('base64url');
  const message = [id, seed, salt, kdf, nonce, username].join('\n');
  const proof = createHmac('sha256', own.storedKey).update(message).digest();
  for (const [index, byte] of own.clientKey.entries()) proof[index] = (proof[index] ?? 0) ^ byte;
  const signature = createHmac('sha256', own.serverKey).update(message).digest('base64url');

  const fields = form({ username, id: id ?? '', nonce, proof: proof.toString('base64url') });
  const login = await connection.post('/login', 'form', fields, cookie);
  return expectCookie(expectAnswer(login, 200, `"signature":"${signature}"`), 'sid');
}

/** Tries a wrong password. Returns false if the limit of requests refuses it. */
export async function guessPassword(connection: Connection, account: number): Promise<boolean> {
  const username = emailOf(account);
  const seed = await connection.post('/getseed', 'form', form({ username }));
  if (seed.status === 429) return false;
  const { id } = JSON.parse(expectAnswer(seed, 200).body) as { id: string };
  const random = (size: number) => randomBytes(size).toString('base64url');
  const fields = form({ username, id, nonce: random(18), proof: random(32) });
  const answer = await connection.post('/login', 'form', fields);
  if (![401, 423, 429].includes(answer.status)) throw unexpected(answer);
  return answer.status !== 429;
}

async function sendRequest(connection: Connection, account: number): Promise<void> {
  const fields = { username: emailOf(account), id: 'A'.repeat(22), nonce: 'A'.repeat(24) };
  const body = form({ ...fields, proof: 'A'.repeat(43) });
  expectAnswer(await connection.post('/login', 'form', body), 200, '"status":"ok"');
}

async function signInByPassport(connection: Connection, account: number): Promise<void> {
  const fields = form({ username: emailOf(account), password: PASSWORD });
  const answer = expectAnswer(await connection.post('/login', 'form', fields), 302);
  if (!/^location: \/$/im.test(answer.head)) throw unexpected(answer);
  expectCookie(answer, 'connect.sid');
}

async function signInByBetterAuth(connection: Connection, account: number): Promise<void> {
  const body = JSON.stringify({ email: emailOf(account), password: PASSWORD });
  const answer = await connection.post('/api/auth/sign-in/email', 'json', body);
  expectCookie(expectAnswer(answer, 200, emailOf(account)), 'better-auth.session_token');
}

function form(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

function expectAnswer(answer: Answer, status: number, part = ''): Answer {
  if (answer.status !== status || !answer.body.includes(part)) throw unexpected(answer);
  return answer;
}

function expectCookie(answer: Answer, name: string): Answer {
  if (!answer.head.toLowerCase().includes(`\r\nset-cookie: ${name}=`)) throw unexpected(answer);
  return answer;
}

function unexpected({ head, body }: Answer): Error {
  return new Error(`An unexpected answer:\n${head}\n\n${body.slice(0, 500)}`);
}
