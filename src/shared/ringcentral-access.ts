import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppSecrets, markOf } from '../passcode.ts';
import type { Access, ClientOptions, SharedAccess, Token } from '../sms/ringcentral/client.ts';
import { CLOCK_SPREAD_MS, type Store, type TransactOptions, type Tx } from '../store.ts';

/** RingCentral allows five. One is for the doctor, which shares nothing. */
const LOGINS_PER_MINUTE = 4;
const MINUTE_MS = 60_000;
/** A login has five seconds. The turn of a process that was killed ends after this. */
const TURN_MS = 6_000;
/** The pause between two looks for the token of another process. */
const LOOK_MS = 100;
/** The SDK uses no token that expires sooner. */
const SPARE_MS = 60_000;

type Credentials = Pick<ClientOptions, 'serverUrl' | 'clientId' | 'clientSecret' | 'jwt'>;
type Wanted = Parameters<SharedAccess['tokenOrTurn']>[0];

/**
 * Shares one login of these credentials in the database. The token is encrypted with AES-256-GCM, under a key derived from the
 * first secret. Without a secret, the token stays in this process, and only the logins are counted.
 */
export function sharedAccess(
  store: Store,
  { serverUrl, clientId, clientSecret, jwt }: Credentials,
  secrets: AppSecrets | undefined,
  now: () => number = Date.now,
): SharedAccess {
  const name = `ringcentral ${shortHash(JSON.stringify([serverUrl, clientId, clientSecret, jwt]))}`;
  /** The turn of another process must not end with a late login of this one. */
  const owner = randomBytes(8).toString('hex');
  const key = (what: 'login' | 'turn' | 'token' | 'pause') => `${name} ${what}`;
  const inWork = <Result>(
    work: (tx: Tx, nowMs: number) => Promise<Result>,
    options: TransactOptions = { isLasting: false },
  ): Promise<Result> => store.transact((tx) => work(tx, tx.nowMs ?? now()), options);

  async function take(tx: Tx, nowMs: number, { refused, isNew }: Wanted): Promise<Access | undefined> {
    const found = opened(secrets, name, await tx.sharedValue(key('token'), nowMs));
    const token = found?.access_token === refused ? undefined : found;
    if (token !== undefined && !(isNew && token.madeAtMs < nowMs - MINUTE_MS)) return tokenAt(token, nowMs);
    if ((await untilMs(tx, 'turn', nowMs)) > nowMs) return undefined;
    const ms = Math.max((await untilMs(tx, 'pause', nowMs)) - nowMs, await loginWaitMs(tx, nowMs));
    if (ms > 0) return token === undefined ? { kind: 'paused', ms } : tokenAt(token, nowMs);
    await tx.countEvent([key('login')], nowMs);
    await setUntil(tx, 'turn', nowMs, nowMs + TURN_MS);
    return { kind: 'turn' };
  }

  async function loginWaitMs(tx: Tx, nowMs: number): Promise<number> {
    const query = { key: key('login'), nth: LOGINS_PER_MINUTE, sinceMs: nowMs - MINUTE_MS };
    const [atMs = query.sinceMs] = await tx.nthNewestEvents([query], nowMs);
    return atMs - query.sinceMs;
  }

  /** Returns the end of a turn or a pause, or `nowMs` if it is over. One from the future is of a clock that was set back. */
  async function untilMs(tx: Tx, what: 'turn' | 'pause', nowMs: number): Promise<number> {
    const [setAtMs = 0, endMs = nowMs] =
      (await tx.sharedValue(key(what), nowMs))?.split(' ').map(Number) ?? [];
    return setAtMs > nowMs + CLOCK_SPREAD_MS ? nowMs : endMs;
  }

  function setUntil(tx: Tx, what: 'turn' | 'pause', nowMs: number, endMs: number): Promise<void> {
    return tx.setSharedValue(key(what), `${nowMs} ${endMs} ${owner}`, endMs);
  }

  async function share(tx: Tx, nowMs: number, { expires_in, ...token }: Token): Promise<void> {
    const turn = await tx.sharedValue(key('turn'), nowMs);
    if (turn?.endsWith(owner)) await setUntil(tx, 'turn', nowMs, nowMs);
    if (secrets === undefined || !token.access_token) return;
    const expiresAtMs = nowMs + (Number(expires_in) || 0) * 1000;
    await tx.setSharedValue(
      key('token'),
      sealed(secrets, name, { ...token, madeAtMs: nowMs, expiresAtMs }),
      expiresAtMs - SPARE_MS,
    );
  }

  return {
    async tokenOrTurn(wanted) {
      for (;;) {
        // RingCentral counts the login, so a power failure must not forget it.
        const access = await inWork((tx, nowMs) => take(tx, nowMs, wanted), {});
        if (access !== undefined) return access;
        await sleep(LOOK_MS);
      }
    },
    endTurn: ({ access_token = '', token_type = '', scope = '', expires_in = '' }) =>
      inWork((tx, nowMs) => share(tx, nowMs, { access_token, token_type, scope, expires_in })).catch(
        noAnswer,
      ),
    pauseMs: () => inWork(async (tx, nowMs) => (await untilMs(tx, 'pause', nowMs)) - nowMs).catch(() => 0),
    pause: (ms) =>
      inWork(async (tx, nowMs) =>
        setUntil(tx, 'pause', nowMs, Math.max(nowMs + ms, await untilMs(tx, 'pause', nowMs))),
      ).catch(noAnswer),
  };
}

interface StoredToken extends Token {
  readonly madeAtMs: number;
  readonly expiresAtMs: number;
}

function tokenAt({ madeAtMs: _, expiresAtMs, ...token }: StoredToken, nowMs: number): Access {
  return { kind: 'token', token: { ...token, expires_in: String((expiresAtMs - nowMs) / 1000) } };
}

/** Without the database, each process pauses and logs in for itself. */
function noAnswer(): void {}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
const OPTIONS = { authTagLength: TAG_BYTES };

function keyOf(secret: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, '', 'token of RingCentral', 32));
}

/** Encrypts the token under the first secret, bound to `name`. */
function sealed([secret]: AppSecrets, name: string, token: StoredToken): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(secret), iv, OPTIONS).setAAD(Buffer.from(name));
  const text = Buffer.concat([cipher.update(JSON.stringify(token)), cipher.final()]);
  return `${markOf(secret)}.${Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url')}`;
}

/** Decrypts a sealed token. Returns undefined for one of another secret or name, and for one that was changed. */
function opened(secrets: AppSecrets | undefined, name: string, value = ''): StoredToken | undefined {
  const [mark, text = ''] = value.split('.');
  const secret = secrets?.find((one) => markOf(one) === mark);
  if (secret === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  try {
    const decipher = createDecipheriv(CIPHER, keyOf(secret), bytes.subarray(0, IV_BYTES), OPTIONS)
      .setAAD(Buffer.from(name))
      .setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    const parts = [decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()];
    return JSON.parse(Buffer.concat(parts).toString());
  } catch {
    return undefined;
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
