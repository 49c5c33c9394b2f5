import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { getSeed, resetPwd, verifyPasscode, whoIsSignedIn } from '../../src/engine.ts';
import { newKeys } from '../support/page.ts';
import { otherThan } from '../support/sms.ts';
import { ANN, must, NETWORK, PASSWORD, world } from '../support/world.ts';

const NEW = 'a brand new password';

/** Ann, who has asked for a code to set a new password. */
async function asked(policy = {}) {
  const here = world(policy);
  await here.signUp();
  const ask = async (device?: string) => {
    const outcome = await resetPwd(here.deps, { network: NETWORK, email: ANN, ...(device && { device }) });
    await here.settled();
    if (outcome.kind !== 'code_sent') throw new Error(outcome.kind);
    return outcome;
  };
  const flow = must((await ask()).flow);
  return { ...here, ask, flow, passcode: here.sms.lastPasscode() };
}

test('the first step sends a code and returns the masked phone number', async () => {
  const here = world();
  await here.signUp();
  expect(await resetPwd(here.deps, { network: NETWORK, email: ANN })).toEqual({
    kind: 'code_sent',
    phone: 'X-XXX-XXX-0123',
    resendIn: 60,
    flow: expect.stringMatching(/^[\w-]{22}$/),
  });
  await here.settled();
  expect(here.sms.sent).toEqual([
    { to: '+12025550123', text: expect.stringContaining('set a new password') },
  ]);
});

test('the code sets a new password, and the old password stops working', async () => {
  const { setPassword, signIn, flow, passcode } = await asked();
  expect(await setPassword(flow, passcode, NEW)).toEqual({
    kind: 'ok',
    issued: { device: expect.any(String) },
  });
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'wrong' });
  expect(await signIn(NEW)).toMatchObject({ kind: 'ok' });
});

test('only the right code tells that the new password is the one from before', async () => {
  const { setPassword, signIn, ask, sms, flow, passcode } = await asked({ codeResendSeconds: 0 });
  expect(await setPassword(flow, otherThan(passcode), PASSWORD)).toEqual({ kind: 'wrong_code' });
  const again = must((await ask()).flow);
  expect(await setPassword(again, sms.lastPasscode(), PASSWORD)).toMatchObject({
    kind: 'ok',
    isSamePassword: true,
  });
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
});

test('a code sets only one password', async () => {
  const { setPassword, signIn, flow, passcode } = await asked();
  await setPassword(flow, passcode, NEW);
  expect(await setPassword(flow, passcode, 'yet another one')).toEqual({ kind: 'expired_code' });
  expect(await signIn(NEW)).toMatchObject({ kind: 'ok' });
});

test('of twenty simultaneous resets with one code, one succeeds', async () => {
  const { setPassword, flow, passcode } = await asked();
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, index) => setPassword(flow, passcode, `${NEW} ${index}`)),
  );
  expect(outcomes.filter(({ kind }) => kind === 'ok')).toHaveLength(1);
});

test('a wrong code keeps the old password and voids the code for its flow', async () => {
  const { setPassword, signIn, flow, passcode } = await asked();
  expect(await setPassword(flow, otherThan(passcode), NEW)).toEqual({ kind: 'wrong_code' });
  expect(await setPassword(flow, passcode, NEW)).toEqual({ kind: 'expired_code' });
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
});

test('a code expires after an hour', async () => {
  const { setPassword, clock, flow, passcode } = await asked();
  clock.advanceMinutes(60);
  expect(await setPassword(flow, passcode, NEW)).toEqual({ kind: 'expired_code' });
});

test('an unlock code sets no password, and the try does not void it (attack 19)', async () => {
  const { deps, lockOut, setPassword, sms } = await asked();
  const flow = must((await lockOut()).flow);
  const passcode = sms.lastPasscode();
  expect(await setPassword(flow, passcode, NEW)).toEqual({ kind: 'wrong_code' });
  expect(await verifyPasscode(deps, { network: NETWORK, email: ANN, flow, passcode })).toMatchObject({
    kind: 'ok',
  });
});

test.each([
  ['salt', { salt: 'A'.repeat(22) }],
  ['kdf', { kdf: 'argon2id$m=8,t=1,p=1' }],
])('a wrong %s is refused before the code is checked', async (field, change) => {
  const { deps, setPassword, flow, passcode } = await asked();
  const keys = {
    salt: 'A'.repeat(22),
    kdf: 'argon2id$m=19456,t=2,p=1',
    storedKey: 'A'.repeat(43),
    serverKey: 'A'.repeat(43),
  };
  const { getSeed } = await import('../../src/engine.ts');
  const { salt } = await getSeed(deps, { email: ANN, network: '' });
  const form = { network: NETWORK, email: ANN, flow, passcode, ...keys, salt, ...change };
  expect(await resetPwd(deps, form)).toEqual({ kind: 'invalid', field });
  expect(await setPassword(flow, passcode, NEW)).toMatchObject({ kind: 'ok' });
});

test('clears the lock of unknown devices and the lock of each known device', async () => {
  const here = await asked();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const { device } = signedIn.issued;
  await here.lockOut();
  const flow = must((await here.lockOut({ device })).flow);
  await here.setPassword(here.flow, here.passcode, NEW);
  expect(await here.signIn(NEW)).toMatchObject({ kind: 'ok' });
  const lockouts = await here.deps.store.transact(async (tx) => {
    const { code } = must(await tx.flowFor(createHash('sha256').update(flow).digest('base64url')));
    return [await tx.lockoutFor(ANN, ''), await tx.lockoutFor(ANN, code.device)];
  });
  expect(lockouts.map(({ isLocked }) => isLocked)).toEqual([false, false]);
});

test('ends all sessions (attack 23)', async () => {
  const here = await asked();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  await here.setPassword(here.flow, here.passcode, NEW);
  expect(await whoIsSignedIn(here.deps, { session: must(signedIn.issued.session) })).toBeUndefined();
});

test('forgets all devices except the one that gave the code', async () => {
  const here = await asked();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const done = await here.setPassword(here.flow, here.passcode, NEW);
  if (done.kind !== 'ok') throw new Error(done.kind);
  await here.lockOut();
  expect(await here.signIn(NEW, { device: signedIn.issued.device })).toMatchObject({ kind: 'locked' });
  expect(await here.signIn(NEW, { device: done.issued.device })).toMatchObject({ kind: 'ok' });
});

test('starts no resend pause for the device that gave the code', async () => {
  const here = await asked();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const { device } = signedIn.issued;
  const { flow } = await here.ask(device);
  const form = { network: NETWORK, email: ANN, flow: must(flow), passcode: here.sms.lastPasscode(), device };
  const { salt, kdf } = await getSeed(here.deps, { email: ANN, network: NETWORK });
  const done = await resetPwd(here.deps, { ...form, salt, kdf, ...newKeys(NEW, salt) });
  if (done.kind !== 'ok') throw new Error(done.kind);
  for (const token of [device, done.issued.device]) {
    expect((await here.ask(token)).resendIn).toBe(60);
    here.clock.advanceSeconds(60);
  }
});

test('voids all other codes of the account (attack 20)', async () => {
  const here = await asked();
  here.clock.advanceSeconds(60);
  const other = must((await here.ask()).flow);
  const otherPasscode = here.sms.lastPasscode();
  await here.setPassword(here.flow, here.passcode, NEW);
  expect(await here.setPassword(other, otherPasscode, 'an attacker chose this')).toEqual({
    kind: 'expired_code',
  });
  expect(await here.signIn(NEW)).toMatchObject({ kind: 'ok' });
});

test('two requests within the resend pause send one message', async () => {
  const { ask, sms } = await asked();
  expect((await ask()).flow).toBeDefined();
  expect(sms.sent).toHaveLength(1);
});

test("a known device has its own resend pause, so strangers' requests do not delay it", async () => {
  const { ask, signIn, sms } = await asked();
  const signedIn = await signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  expect((await ask(signedIn.issued.device)).resendIn).toBe(60);
  expect(sms.sent).toHaveLength(2);
});

test('the resend pause of an unlock code does not delay a reset code', async () => {
  const here = world();
  await here.signUp();
  await here.lockOut();
  await resetPwd(here.deps, { network: NETWORK, email: ANN });
  await here.settled();
  expect(here.sms.sent).toHaveLength(2);
});

test('an address without an account gets the same answer, and no message is sent (attack 13)', async () => {
  const here = world();
  expect(await resetPwd(here.deps, { network: NETWORK, email: ANN })).toEqual({
    kind: 'code_sent',
    phone: expect.stringMatching(/^X-XXX-XXX-\d{4}$/),
    resendIn: 60,
    flow: expect.stringMatching(/^[\w-]{22}$/),
  });
  await here.settled();
  expect(here.sms.sent).toEqual([]);
});
