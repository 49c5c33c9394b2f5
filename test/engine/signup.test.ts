import { expect, test } from 'vitest';
import { getSeed, signup, verifyPasscode } from '../../src/engine.ts';
import { newKeys } from '../support/page.ts';
import { ANN, must, NETWORK, PASSWORD, PHONE, world } from '../support/world.ts';

test('creates an account, and its password signs in', async () => {
  const { signUp, signIn } = world();
  expect(await signUp()).toEqual({ kind: 'ok' });
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
});

test('refuses a second sign-up of an address', async () => {
  const { signUp, signIn } = world();
  await signUp();
  expect(await signUp(ANN, 'another password')).toEqual({ kind: 'taken' });
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
});

test('fifty simultaneous sign-ups of one address create one account', async () => {
  const { signUp } = world();
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => signUp()));
  expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(1);
  expect(outcomes.filter(({ kind }) => kind === 'taken')).toHaveLength(49);
});

test('two accounts can share a phone number', async () => {
  const { signUp } = world();
  await signUp();
  expect(await signUp('bob@example.com')).toEqual({ kind: 'ok' });
});

test.each([
  ['salt', { salt: 'A'.repeat(22) }],
  ['kdf', { kdf: 'argon2id$m=8,t=1,p=1' }],
  ['kdf', { kdf: 'argon2id$m=65536,t=4,p=1' }],
  ['phoneno', { phoneno: '12345' }],
])('refuses a wrong %s and creates no account', async (field, change) => {
  const { deps, signUp } = world();
  const { salt, kdf } = await getSeed(deps, { email: ANN, network: NETWORK });
  const form = {
    email: ANN,
    fname: 'Ann',
    lname: 'Lee',
    phoneno: PHONE,
    salt,
    kdf,
    ...newKeys(PASSWORD, salt),
  };
  expect(await signup(deps, { ...form, ...change })).toMatchObject({ kind: 'invalid', field });
  expect(await signUp()).toEqual({ kind: 'ok' });
});

test('clears the failures, the lock and the resend pause that strangers caused before the sign-up', async () => {
  const { lockOut, signUp, signIn, sms, settled } = world();
  await lockOut();
  await signUp();
  expect(await signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
  await signIn('wrong');
  expect(await signIn('wrong')).toMatchObject({ kind: 'locked', flow: expect.any(String) });
  await settled();
  expect(sms.sent).toHaveLength(1);
});

test('a flow from before the sign-up is invalid after it', async () => {
  const { deps, lockOut, signUp, sms } = world();
  const { flow } = await lockOut();
  await signUp();
  await lockOut();
  const form = { network: NETWORK, email: ANN, flow: must(flow), passcode: sms.lastPasscode() };
  expect(await verifyPasscode(deps, form)).toEqual({ kind: 'wrong_code' });
});
