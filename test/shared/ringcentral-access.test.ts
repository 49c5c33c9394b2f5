import { expect, test } from 'vitest';
import type { AppSecrets } from '../../src/passcode.ts';
import { sharedAccess } from '../../src/shared/ringcentral-access.ts';
import { ringCentralClient } from '../../src/sms/ringcentral/client.ts';
import { type Store, StoreUnavailable } from '../../src/store.ts';
import { memoryStore } from '../support/memory-store.ts';
import { BUSY, PHONE, ringCentralBench, SENT, TEXT } from '../support/ringcentral.ts';
import { account, oauthRefusal, tooMany } from '../support/ringcentral-standin.ts';
import { settle } from '../support/sms-port.ts';

const bench = ringCentralBench();
const SECRETS: AppSecrets = [Buffer.alloc(32, 1)];
const OTHERS: AppSecrets = [Buffer.alloc(32, 2)];

/** Makes senders of processes that share a store. */
function processes(store: Store = memoryStore()) {
  return (secrets: AppSecrets | 'none' = SECRETS, credentials = account) => {
    const serverUrl = bench.ringCentral.url;
    const access = sharedAccess(
      store,
      { serverUrl, ...credentials },
      secrets === 'none' ? undefined : secrets,
      () => bench.nowMs,
    );
    return bench.sender({ ...credentials, sharedAccess: access });
  };
}

/** Makes clients of processes that share a store. */
function client(store: Store = memoryStore()) {
  const options = { ...account, serverUrl: bench.ringCentral.url, nowMs: () => bench.nowMs };
  return () =>
    ringCentralClient({ ...options, sharedAccess: sharedAccess(store, options, SECRETS, () => bench.nowMs) });
}

test('twenty processes that start at once make one login, and all of them send', async () => {
  const start = processes();
  const sent = await Promise.all(Array.from({ length: 20 }, () => start().send(PHONE, TEXT)));
  expect(sent).toEqual(Array(20).fill(SENT));
  expect(bench.ringCentral.count('token')).toBe(1);
});

test('a process that starts later uses the login that is there', async () => {
  const start = processes();
  await start().send(PHONE, TEXT);
  expect(await start().send(PHONE, TEXT)).toEqual(SENT);
  expect(bench.ringCentral.count('token')).toBe(1);
});

test('a token that was revoked is replaced by one login for all', async () => {
  const start = processes();
  const senders = [start(), start(), start()];
  for (const sms of senders) await sms.send(PHONE, TEXT);
  bench.ringCentral.revokeTokens();
  expect(await Promise.all(senders.map((sms) => sms.send(PHONE, TEXT)))).toEqual([SENT, SENT, SENT]);
  expect(bench.ringCentral.count('token')).toBe(2);
});

test('a start logs in again after a minute, so that it sees changed permissions', async () => {
  const start = client();
  expect(await start().login()).toContain('ReadMessages');
  bench.ringCentral.permissions.delete('ReadMessages');
  bench.advanceSeconds(60);
  expect(await start().login()).toContain('ReadMessages');
  bench.advanceSeconds(1);
  expect(await start().login()).not.toContain('ReadMessages');
  expect(bench.ringCentral.count('token')).toBe(2);
});

test('a start that may not log in uses the older login', async () => {
  const start = client();
  await start().login();
  bench.advanceSeconds(61);
  bench.ringCentral.next('token', tooMany('30'));
  await expect(start().login()).rejects.toMatchObject({ reason: 'busy' });
  expect(await start().login()).toContain('SMS');
  expect(bench.ringCentral.count('token')).toBe(2);
});

test('a token is not used after its end', async () => {
  bench.ringCentral.expiresInSeconds = 300;
  const start = processes();
  await start().send(PHONE, TEXT);
  bench.advanceSeconds(239);
  expect(await start().send(PHONE, TEXT)).toEqual(SENT);
  expect(bench.ringCentral.count('token')).toBe(1);
  bench.advanceSeconds(1);
  expect(await start().send(PHONE, TEXT)).toEqual(SENT);
  expect(bench.ringCentral.count('token')).toBe(2);
});

test('all processes together make four logins a minute', async () => {
  bench.ringCentral.always('token', oauthRefusal(400, 'invalid_grant', 'OAU-125'));
  const start = processes();
  for (let count = 0; count < 4; count += 1) await start().send(PHONE, TEXT);
  expect(bench.ringCentral.count('token')).toBe(4);
  bench.ringCentral.always('token', undefined);
  expect(await start().send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 60 });
  expect(bench.ringCentral.count('token')).toBe(4);
  bench.advanceSeconds(60);
  expect(await start().send(PHONE, TEXT)).toEqual(SENT);
});

test('the turn to log in ends if its process is gone', async () => {
  const store = memoryStore();
  const { tokenOrTurn } = sharedAccess(
    store,
    { serverUrl: bench.ringCentral.url, ...account },
    SECRETS,
    () => bench.nowMs,
  );
  expect(await tokenOrTurn({ refused: undefined, isNew: false })).toEqual({ kind: 'turn' });
  const sending = processes(store)().send(PHONE, TEXT);
  await settle();
  bench.advanceSeconds(6);
  expect(await sending).toEqual(SENT);
});

test('a 429 stops the calls of every process until its Retry-After is over', async () => {
  const start = processes();
  const [one, two] = [start(), start()];
  for (const sms of [one, two]) await sms.send(PHONE, TEXT);
  bench.ringCentral.next('sms', tooMany('30'));
  await one.send(PHONE, TEXT);
  const calls = bench.ringCentral.count('sms');
  expect(await two.send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 30 });
  expect(await start().send(PHONE, TEXT)).toEqual({ ...BUSY, retryAfterSeconds: 30 });
  expect(bench.ringCentral.count('sms')).toBe(calls);
  bench.advanceSeconds(30);
  expect(await two.send(PHONE, TEXT)).toEqual(SENT);
});

test('a pause is ignored after the clock was set back before it began', async () => {
  const start = processes();
  const [one, two] = [start(), start()];
  bench.ringCentral.next('sms', tooMany('30'));
  await one.send(PHONE, TEXT);
  bench.advanceSeconds(-3600);
  expect(await two.send(PHONE, TEXT)).toEqual(SENT);
});

test.each<[string, AppSecrets | 'none']>([
  ['another secret', OTHERS],
  ['no secret', 'none'],
])('a process with %s logs in for itself', async (_what, secrets) => {
  const start = processes();
  await start().send(PHONE, TEXT);
  expect(await start(secrets).send(PHONE, TEXT)).toEqual(SENT);
  expect(bench.ringCentral.count('token')).toBe(2);
});

test('a process with a new secret before the old one uses the login that is there', async () => {
  const start = processes();
  await start().send(PHONE, TEXT);
  expect(await start([OTHERS[0], SECRETS[0]]).send(PHONE, TEXT)).toEqual(SENT);
  expect(bench.ringCentral.count('token')).toBe(1);
});

test('a process with other credentials gets no login of the former ones', async () => {
  const start = processes();
  await start().send(PHONE, TEXT);
  expect((await start(SECRETS, { ...account, jwt: 'another-jwt' }).send(PHONE, TEXT)).kind).toBe('refused');
});

test('the store has no token in readable form, and a changed one is not used', async () => {
  const store = memoryStore();
  const values: string[] = [];
  const transact: Store['transact'] = (work, options) =>
    store.transact((tx) => {
      const setSharedValue: typeof tx.setSharedValue = (key, value, expiresAtMs) => {
        values.push(key, value);
        const changed = value.includes('.') ? `${value.slice(0, -4)}AAAA` : value;
        return tx.setSharedValue(key, changed, expiresAtMs);
      };
      return work({ ...tx, setSharedValue });
    }, options);
  const start = processes({ ...store, transact });
  await start().send(PHONE, TEXT);
  expect(values.some((value) => value.includes('.'))).toBe(true);
  const [token = ''] = bench.ringCentral.tokens;
  for (const secret of [token, account.jwt, Buffer.from(token).toString('base64url')])
    expect(values.join('\n')).not.toContain(secret);
  expect(await start().send(PHONE, TEXT)).toEqual(SENT);
  expect(bench.ringCentral.count('token')).toBe(2);
});

test('a process with a token sends while the database is away, and one without is busy', async () => {
  const store = memoryStore();
  const state = { isAway: false };
  const transact: Store['transact'] = (work, options) =>
    state.isAway ? Promise.reject(new StoreUnavailable('away')) : store.transact(work, options);
  const start = processes({ ...store, transact });
  const one = start();
  await one.send(PHONE, TEXT);
  state.isAway = true;
  expect(await one.send(PHONE, TEXT)).toEqual(SENT);
  expect(await start().send(PHONE, TEXT)).toEqual(BUSY);
  expect(bench.ringCentral.count('token')).toBe(1);
});
