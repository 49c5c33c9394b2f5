import { expect, test } from 'vitest';
import { getSeed, login, verifyPasscode, whoIsSignedIn } from '../../src/engine.ts';
import { type Store, StoreUnavailable } from '../../src/store.ts';
import { keysOf, NONCE, proofFor } from '../support/page.ts';
import { ANN, must, NETWORK, PASSWORD, type World, world } from '../support/world.ts';

/** Signs Ann up and in, so that her device is known. */
async function withKnownDevice(policy = {}) {
  const here = world(policy);
  await here.signUp();
  const outcome = await here.signIn(PASSWORD);
  if (outcome.kind !== 'ok') throw new Error(outcome.kind);
  return { ...here, device: outcome.issued.device, session: must(outcome.issued.session) };
}

test('the right password signs in, and the answer has the server signature', async () => {
  const { deps, signUp } = world();
  await signUp();
  const { signature, ...proof } = proofFor(
    PASSWORD,
    ANN,
    await getSeed(deps, { email: ANN, network: NETWORK }),
  );
  expect(await login(deps, { network: NETWORK, username: ANN, email: ANN, ...proof })).toEqual({
    kind: 'ok',
    signature,
    issued: {
      session: expect.stringMatching(/^[0-9a-f]{12}[\w-]{43}$/),
      device: expect.stringMatching(/^[0-9a-f]{12}[\w-]{43}$/),
    },
  });
});

test('the user name ignores case and the spaces around it', async () => {
  const { signUp, signIn } = world();
  await signUp();
  expect(await signIn(PASSWORD, { username: ' Ann@Example.COM ' })).toMatchObject({ kind: 'ok' });
});

test('the keys in the database do not sign in (attack 34)', async () => {
  const { deps, signUp } = world();
  await signUp();
  const seed = await getSeed(deps, { email: ANN, network: NETWORK });
  const { storedKey, serverKey } = keysOf(PASSWORD, seed.salt);
  for (const stolen of [storedKey, serverKey]) {
    const { id } = await getSeed(deps, { email: ANN, network: NETWORK });
    const form = {
      network: NETWORK,
      username: ANN,
      email: ANN,
      id,
      nonce: NONCE,
      proof: stolen.toString('base64url'),
    };
    expect(await login(deps, form)).toMatchObject({ kind: 'wrong' });
  }
});

test('a proof is valid only for the user name exactly as it was sent', async () => {
  const { deps, signUp } = world();
  await signUp();
  const proof = proofFor(PASSWORD, ANN, await getSeed(deps, { email: ANN, network: NETWORK }));
  expect(
    await login(deps, { network: NETWORK, ...proof, username: 'ANN@example.com', email: ANN }),
  ).toMatchObject({
    kind: 'wrong',
  });
});

test('returns how many tries are left', async () => {
  const { signUp, signIn } = world();
  await signUp();
  expect(await signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
  expect(await signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 1 });
});

test('locks the account at the third wrong password and sends a code', async () => {
  const { signUp, signIn, sms, settled } = world();
  await signUp();
  await signIn('wrong');
  await signIn('wrong');
  expect(await signIn('wrong')).toEqual({
    kind: 'locked',
    phone: 'X-XXX-XXX-0123',
    resendIn: 60,
    flow: expect.stringMatching(/^[\w-]{22}$/),
  });
  await settled();
  expect(sms.sent).toEqual([{ to: '+12025550123', text: expect.stringContaining('unlock your account') }]);
});

test('the right password resets the count of failures', async () => {
  const { signUp, signIn } = world();
  await signUp();
  await signIn('wrong');
  await signIn('wrong');
  await signIn(PASSWORD);
  expect(await signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
});

test("the right password on one device does not reset another device's count", async () => {
  const { signIn, device } = await withKnownDevice();
  await signIn('wrong');
  await signIn(PASSWORD, { device });
  expect(await signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 1 });
});

test('a locked account refuses the right password too', async () => {
  const { signUp, signIn, lockOut } = world();
  await signUp();
  await lockOut();
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'locked' });
});

test('a double click sends one message, and both answers have a flow (attack 37)', async () => {
  const { signUp, signIn, settled, sms } = world();
  await signUp();
  await signIn('wrong');
  await signIn('wrong');
  const clicks = await Promise.all([signIn('wrong'), signIn('wrong')]);
  await settled();
  expect(clicks).toEqual([
    expect.objectContaining({ kind: 'locked', flow: expect.any(String) }),
    expect.objectContaining({ kind: 'locked', flow: expect.any(String) }),
  ]);
  expect(sms.sent).toHaveLength(1);
});

test("an attacker's own sign-ins between guesses do not reset the victim's count (attack 32)", async () => {
  const { signUp, signIn } = world();
  await signUp();
  await signUp('eve@example.com', 'her own password');
  const kinds = [];
  for (let guess = 0; guess < 3; guess += 1) {
    kinds.push((await signIn(`guess ${guess}`)).kind);
    expect(await signIn('her own password', { username: 'eve@example.com' })).toMatchObject({ kind: 'ok' });
  }
  expect(kinds).toEqual(['wrong', 'wrong', 'locked']);
});

test('fifty simultaneous wrong passwords count as three and send one message (attack 12)', async () => {
  const { signUp, signIn, sms, settled } = world();
  await signUp();
  const outcomes = await Promise.all(Array.from({ length: 50 }, () => signIn('wrong')));
  await settled();
  expect(outcomes.filter(({ kind }) => kind === 'wrong')).toHaveLength(2);
  expect(outcomes.filter(({ kind }) => kind === 'locked')).toHaveLength(48);
  expect(sms.sent).toHaveLength(1);
});

test('a login during the resend pause sends nothing and gets its own flow for the sent code', async () => {
  const { deps, clock, signUp, signIn, lockOut, sms, settled } = world();
  await signUp();
  const first = await lockOut();
  clock.advanceSeconds(20);
  const second = await signIn('whatever');
  await settled();
  expect(second).toMatchObject({ kind: 'locked', resendIn: 40, flow: expect.any(String) });
  expect(sms.sent).toHaveLength(1);
  const flow = must((second as typeof first).flow);
  expect(flow).not.toBe(first.flow);
  expect(
    await verifyPasscode(deps, { network: NETWORK, email: ANN, flow, passcode: sms.lastPasscode() }),
  ).toMatchObject({
    kind: 'ok',
  });
});

test('a code has at most three flows, and later answers only say when to ask again', async () => {
  const { signUp, signIn, lockOut } = world();
  await signUp();
  await lockOut();
  await signIn('wrong');
  expect(await signIn('wrong')).toHaveProperty('flow');
  expect(await signIn('wrong')).toEqual({ kind: 'locked', phone: 'X-XXX-XXX-0123', resendIn: 60 });
});

test('a login after the resend pause sends a new code, and the older code stays valid', async () => {
  const { deps, clock, signUp, signIn, lockOut, sms, settled } = world();
  await signUp();
  const first = await lockOut();
  const passcode = sms.lastPasscode();
  clock.advanceSeconds(60);
  await signIn('wrong');
  await settled();
  expect(sms.sent).toHaveLength(2);
  expect(
    await verifyPasscode(deps, { network: NETWORK, email: ANN, flow: must(first.flow), passcode }),
  ).toMatchObject({
    kind: 'ok',
  });
});

test.each([
  [
    'spent',
    async ({ deps, sms, lockOut }: World, flow: string) => {
      await verifyPasscode(deps, { network: NETWORK, email: ANN, flow, passcode: sms.lastPasscode() });
      await lockOut();
    },
  ],
  ['expired', async ({ clock }: World) => clock.advanceSeconds(5)],
])('a login during the resend pause of a code that is %s gets no flow', async (_, end) => {
  const here = world({ codeLifetimeSeconds: 5 });
  await here.signUp();
  await end(here, must((await here.lockOut()).flow));
  expect(await here.signIn('wrong')).toEqual({
    kind: 'locked',
    phone: 'X-XXX-XXX-0123',
    resendIn: expect.any(Number),
  });
  expect(here.sms.sent).toHaveLength(1);
});

test('each login sends a code if the resend pause is 0 seconds', async () => {
  const { signUp, signIn, lockOut, sms, settled } = world({ codeResendSeconds: 0 });
  await signUp();
  expect((await lockOut()).resendIn).toBe(0);
  await signIn('wrong');
  await settled();
  expect(sms.sent).toHaveLength(2);
});

test('strangers who lock the account do not lock out the owner on a known device (attack 4)', async () => {
  const { lockOut, signIn, device } = await withKnownDevice();
  await lockOut();
  expect(await signIn(PASSWORD, { device })).toMatchObject({ kind: 'ok' });
});

test('failures on a known device do not lock other devices', async () => {
  const { lockOut, signIn, device } = await withKnownDevice();
  await lockOut({ device });
  expect(await signIn('wrong')).toEqual({ kind: 'wrong', triesLeft: 2 });
});

test("a code for strangers does not start a known device's resend pause", async () => {
  const { lockOut, sms, device } = await withKnownDevice();
  await lockOut();
  await lockOut({ device });
  expect(sms.sent).toHaveLength(2);
});

test('a device keeps its count and its resend pause when its token is renewed', async () => {
  const { signIn, lockOut, deps, sms, device } = await withKnownDevice();
  const { flow } = await lockOut({ device });
  const unlocked = await verifyPasscode(deps, {
    network: NETWORK,
    email: ANN,
    flow: must(flow),
    passcode: sms.lastPasscode(),
    device,
  });
  if (unlocked.kind !== 'ok') throw new Error(unlocked.kind);
  expect(unlocked.issued.device).not.toBe(device);
  await lockOut({ device: unlocked.issued.device });
  expect(sms.sent).toHaveLength(1);
  expect(await signIn(PASSWORD, { device: unlocked.issued.device })).toMatchObject({ kind: 'locked' });
});

test.each([
  ['forged', async () => 'f'.repeat(43)],
  [
    'replaced',
    async (here: Awaited<ReturnType<typeof withKnownDevice>>) => {
      const next = await here.signIn(PASSWORD, { device: here.device });
      if (next.kind !== 'ok') throw new Error(next.kind);
      await here.signIn('wrong', { device: next.issued.device });
      return here.device;
    },
  ],
])('a %s device token counts as an unknown device', async (_, tokenOf) => {
  const here = await withKnownDevice();
  const device = await tokenOf(here);
  await here.lockOut();
  expect(await here.signIn(PASSWORD, { device })).toMatchObject({ kind: 'locked' });
});

test('of two sign-ins at once with one device token, the device is known by both answers', async () => {
  const here = await withKnownDevice();
  const both = await Promise.all([1, 2].map(() => here.signIn(PASSWORD, { device: here.device })));
  await here.lockOut();
  const [first, second] = both.map((outcome) => (outcome.kind === 'ok' ? outcome.issued.device : undefined));
  expect(await here.signIn('wrong', { device: must(first) })).toEqual({ kind: 'wrong', triesLeft: 2 });
  expect(await here.signIn('wrong', { device: must(second) })).toEqual({ kind: 'wrong', triesLeft: 1 });
  expect(await here.signIn(PASSWORD, { device: must(first) })).toMatchObject({ kind: 'locked' });
});

test("one account's device token is unknown to another account", async () => {
  const here = await withKnownDevice();
  const bob = 'bob@example.com';
  await here.signUp(bob);
  await here.lockOut({ username: bob });
  expect(await here.signIn(PASSWORD, { username: bob, device: here.device })).toMatchObject({
    kind: 'locked',
  });
});

test('further tries do not extend a lock (attack 5)', async () => {
  const { clock, signUp, signIn, lockOut, deps } = world();
  await signUp();
  await lockOut();
  for (let day = 0; day < 29; day += 1) {
    clock.advanceDays(1);
    await signIn('wrong');
  }
  clock.advanceDays(1);
  clock.advanceSeconds(1);
  const { cleanUp } = await import('../../src/runtime/cleanup.ts');
  await cleanUp(deps.store, clock.nowMs());
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'ok' });
});

test('failures count even if no message can be sent', async () => {
  const { signUp, signIn, lockOut, sms } = world();
  await signUp();
  sms.answerNext({ kind: 'refused', reason: 'busy', retryAfterSeconds: 60 });
  await lockOut();
  expect(await signIn(PASSWORD)).toMatchObject({ kind: 'locked' });
});

test('the answer does not wait for the message', async () => {
  const { signUp, signIn, sms } = world();
  await signUp();
  await signIn('wrong');
  await signIn('wrong');
  sms.answerNext(new Promise(() => undefined));
  expect(await signIn('wrong')).toMatchObject({ kind: 'locked' });
});

test('the message is sent after the answer', async () => {
  const { signUp, signIn, sms, settled } = world();
  await signUp();
  await signIn('wrong');
  await signIn('wrong');
  const locking = signIn('wrong').then(() => sms.sent.length);
  expect(await locking).toBe(0);
  await settled();
  expect(sms.sent).toHaveLength(1);
});

test('no message is sent if the commit fails', async () => {
  const here = world();
  await here.signUp();
  await here.signIn('wrong');
  await here.signIn('wrong');
  const { store } = here.deps;
  const failing: Store = {
    ...store,
    transact: async (work) => {
      await store.transact(work);
      throw new StoreUnavailable('The commit failed.');
    },
  };
  const seed = await getSeed(here.deps, { email: ANN, network: NETWORK });
  const form = { network: NETWORK, username: ANN, email: ANN, ...proofFor('wrong', ANN, seed) };
  await expect(login({ ...here.deps, store: failing }, form)).rejects.toThrow(StoreUnavailable);
  await here.settled();
  expect(here.sms.sent).toEqual([]);
});

test('a session token is valid until the next sign-in replaces it', async () => {
  const { deps, signIn, session } = await withKnownDevice();
  expect(await whoIsSignedIn(deps, { session })).toEqual({ fname: 'Ann', lname: 'Lee', email: ANN });
  await signIn(PASSWORD, { session });
  expect(await whoIsSignedIn(deps, { session })).toBeUndefined();
});

test('a session ends after twelve hours without a visit', async () => {
  const { deps, clock, session, settled } = await withKnownDevice();
  clock.advanceMinutes(11 * 60);
  expect(await whoIsSignedIn(deps, { session })).toBeDefined();
  await settled();
  clock.advanceMinutes(11 * 60);
  expect(await whoIsSignedIn(deps, { session })).toBeDefined();
  await settled();
  clock.advanceMinutes(12 * 60);
  expect(await whoIsSignedIn(deps, { session })).toBeUndefined();
});

test('a session ends after thirty days, even in constant use', async () => {
  const { deps, clock, session, settled } = await withKnownDevice();
  for (let half = 0; half < 60; half += 1) {
    expect(await whoIsSignedIn(deps, { session })).toBeDefined();
    await settled();
    clock.advanceMinutes(12 * 60 - 1);
  }
  expect(await whoIsSignedIn(deps, { session })).toBeDefined();
  await settled();
  clock.advanceMinutes(59);
  expect(await whoIsSignedIn(deps, { session })).toBeDefined();
  await settled();
  clock.advanceMinutes(1);
  expect(await whoIsSignedIn(deps, { session })).toBeUndefined();
});

test('an address without an account locks, waits and answers like any other (attack 13, attack 15)', async () => {
  const known = world();
  await known.signUp();
  const unknown = world();
  const shapeOf = async ({ signIn, clock, settled }: typeof known) => {
    const outcomes = [];
    for (let time = 0; time < 10; time += 1) {
      outcomes.push(await signIn('wrong'));
      await settled();
      clock.advanceSeconds(time === 7 ? 60 : 1);
    }
    return outcomes.map((outcome) =>
      outcome.kind === 'locked'
        ? { ...outcome, phone: outcome.phone.replace(/\d/g, 'N'), flow: typeof outcome.flow }
        : outcome,
    );
  };
  expect(await shapeOf(unknown)).toEqual(await shapeOf(known));
  expect(unknown.sms.sent).toEqual([]);
});

test('the masked number of an address without an account never changes', async () => {
  const here = world({ codeResendSeconds: 0 });
  const first = await here.lockOut();
  here.clock.advanceDays(3);
  expect(await here.signIn('wrong')).toMatchObject({ kind: 'locked', phone: first.phone });
  const other = await here.lockOut({ username: 'bob@example.com' });
  expect(other.phone).not.toBe(first.phone);
});
