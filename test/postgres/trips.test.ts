import { expect, onTestFinished, test } from 'vitest';
import {
  codeStatus,
  getSeed,
  login,
  logout,
  resendCode,
  resetPwd,
  verifyPasscode,
  whoIsSignedIn,
} from '../../src/engine.ts';
import { openPostgresStore } from '../../src/postgres/store.ts';
import { countingProxy } from '../support/counting-proxy.ts';
import { proofFor } from '../support/page.ts';
import { newDatabase } from '../support/postgres.ts';
import { ANN, must, NETWORK, PASSWORD, world } from '../support/world.ts';

test('each request has this many round trips to the database, and not one more', async () => {
  const proxy = await countingProxy(await newDatabase());
  // One connection, so that no trip makes another.
  const store = await openPostgresStore(proxy.url, { connections: 1, hasClock: false });
  onTestFinished(() => store.close());
  const here = world({ codeResendSeconds: 0 }, store);
  const counted: Record<string, number> = {};
  const count = async <Outcome>(name: string, request: () => Promise<Outcome>): Promise<Outcome> => {
    proxy.trips();
    const outcome = await request();
    counted[name] = proxy.trips();
    await here.settled();
    return outcome;
  };
  const form = { email: ANN, username: ANN, network: NETWORK };
  const signIn = async (name: string, password: string, tokens = {}) => {
    const seed = await getSeed(here.deps, form);
    return count(name, () => login(here.deps, { ...form, ...proofFor(password, ANN, seed), ...tokens }));
  };

  // The first work also makes the connection.
  await getSeed(here.deps, form);
  await count('getSeed', () => getSeed(here.deps, form));
  await here.signUp();
  const signedIn = await signIn('login', PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const { device, session = '' } = signedIn.issued;
  await signIn('login on a known device', PASSWORD, { device });
  await signIn('login with a wrong password', 'wrong');
  await count('whoIsSignedIn', () => whoIsSignedIn(here.deps, { session, deviceOf: () => device }));
  await here.signIn('wrong');
  const locked = await signIn('login that locks and sends', 'wrong');
  const flow = must('flow' in locked ? locked.flow : undefined);
  await count('codeStatus', () => codeStatus(here.deps, { network: NETWORK, flow }));
  await count('resendCode', () => resendCode(here.deps, { network: NETWORK, flow }));
  const passcode = here.sms.lastPasscode();
  await count('verifyPasscode', () => verifyPasscode(here.deps, { ...form, flow, passcode }));
  await count('resetPwd', () => resetPwd(here.deps, form));
  await count('logout', () => logout(here.deps, { session }));
  expect(counted).toEqual({
    getSeed: 2,
    login: 3,
    'login on a known device': 3,
    'login with a wrong password': 3,
    'login that locks and sends': 8,
    codeStatus: 4,
    resendCode: 7,
    verifyPasscode: 4,
    resetPwd: 7,
    whoIsSignedIn: 1,
    logout: 2,
  });
});

test('a request that changes nothing commits nothing, so it waits for no disk', async () => {
  const proxy = await countingProxy(await newDatabase());
  const store = await openPostgresStore(proxy.url, { connections: 1, hasClock: false });
  onTestFinished(() => store.close());
  const here = world({ codeResendSeconds: 0 }, store);
  await here.signUp();
  for (let count = 0; count < 5; count += 1) await resetPwd(here.deps, { email: ANN, network: NETWORK });
  await here.settled();
  expect(proxy.hasCommitted()).toBe(true);
  const refused = await resetPwd(here.deps, { email: ANN, network: NETWORK });
  expect([refused.kind, proxy.hasCommitted()]).toEqual(['slow_down', false]);
});
