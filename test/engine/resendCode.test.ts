import { expect, test } from 'vitest';
import { resendCode, resetPwd, verifyPasscode } from '../../src/engine.ts';
import { otherThan } from '../support/sms.ts';
import { ANN, confirmedDevice, must, NETWORK, world } from '../support/world.ts';

/** Ann, locked out, with the flow of her code. */
async function lockedOut() {
  const here = world();
  await here.signUp();
  const flow = must((await here.lockOut()).flow);
  const resend = async (own = flow) => {
    const outcome = await resendCode(here.deps, { network: NETWORK, flow: own });
    await here.settled();
    return outcome;
  };
  return { ...here, flow, resend, passcode: here.sms.lastPasscode() };
}

test('sends nothing during the resend pause and keeps the flow', async () => {
  const { clock, resend, sms, flow } = await lockedOut();
  clock.advanceSeconds(15);
  expect(await resend()).toEqual({ kind: 'code_sent', phone: 'X-XXX-XXX-0123', resendIn: 45, flow });
  expect(sms.sent).toHaveLength(1);
});

test('sends the same code again after the resend pause and keeps the flow', async () => {
  const { clock, resend, sms, flow, passcode } = await lockedOut();
  clock.advanceSeconds(60);
  expect(await resend()).toEqual({ kind: 'code_sent', phone: 'X-XXX-XXX-0123', resendIn: 60, flow });
  expect(sms.sent).toHaveLength(2);
  expect(sms.lastPasscode()).toBe(passcode);
});

test('a message that is sent again says how long its code is still valid', async () => {
  const { clock, resend, sms } = await lockedOut();
  clock.advanceSeconds(59 * 60 + 50);
  await resend();
  expect(sms.sent.map(({ text }) => /for (.*?)\./.exec(text)?.[1])).toEqual(['1 hour', '10 seconds']);
});

test('makes a new code and a new flow after a wrong guess', async () => {
  const { deps, clock, resend, sms, flow, passcode } = await lockedOut();
  await verifyPasscode(deps, { network: NETWORK, email: ANN, flow, passcode: otherThan(passcode) });
  clock.advanceSeconds(60);
  const outcome = await resend();
  if (outcome.kind !== 'code_sent') throw new Error(outcome.kind);
  expect(outcome.flow).not.toBe(flow);
  const form = { network: NETWORK, email: ANN, flow: must(outcome.flow), passcode: sms.lastPasscode() };
  expect(await verifyPasscode(deps, form)).toMatchObject({ kind: 'ok' });
});

test('replaces an expired code with a new one', async () => {
  const { clock, resend, sms, flow } = await lockedOut();
  clock.advanceMinutes(61);
  expect(await resend()).toMatchObject({ kind: 'code_sent', flow: expect.not.stringMatching(flow) });
  expect(sms.sent).toHaveLength(2);
});

test('a code whose message was refused is valid again once it is resent, with the same flow', async () => {
  const here = world();
  await here.signUp();
  here.sms.answerNext({ kind: 'refused', reason: 'busy' });
  const flow = must((await here.lockOut()).flow);
  here.clock.advanceSeconds(60);
  here.sms.answerNext(new Promise(() => undefined));
  expect(await resendCode(here.deps, { network: NETWORK, flow })).toMatchObject({ kind: 'code_sent', flow });
  await new Promise((resolve) => setImmediate(resolve));
  const form = { network: NETWORK, email: ANN, flow, passcode: here.sms.lastPasscode() };
  expect(await verifyPasscode(here.deps, form)).toMatchObject({ kind: 'ok' });
});

test('a code that was sent once stays valid if its resend is refused', async () => {
  const { deps, clock, resend, sms, flow, passcode } = await lockedOut();
  clock.advanceSeconds(60);
  sms.answerNext({ kind: 'refused', reason: 'busy' });
  await resend();
  expect(await verifyPasscode(deps, { network: NETWORK, email: ANN, flow, passcode })).toMatchObject({
    kind: 'ok',
  });
});

test('the user can ask again after a restart that lost the message (attack 37)', async () => {
  const here = world();
  await here.signUp();
  here.sms.answerNext(new Promise(() => undefined));
  await here.signIn('wrong');
  await here.signIn('wrong');
  const locked = await here.signIn('wrong');
  if (locked.kind !== 'locked') throw new Error(locked.kind);
  const restarted = world({}, here.deps.store);
  restarted.clock.advanceSeconds(60);
  const flow = must(locked.flow);
  expect(await resendCode(restarted.deps, { network: NETWORK, flow })).toMatchObject({
    kind: 'code_sent',
    flow,
  });
  await restarted.settled();
  const form = { network: NETWORK, email: ANN, flow, passcode: restarted.sms.lastPasscode() };
  expect(await verifyPasscode(restarted.deps, form)).toMatchObject({ kind: 'ok' });
});

test('returns not_locked for an account that is no longer locked', async () => {
  const { deps, clock, resend, signIn, sms, settled } = await lockedOut();
  clock.advanceSeconds(60);
  const second = await signIn('wrong');
  if (second.kind !== 'locked') throw new Error(second.kind);
  await settled();
  await verifyPasscode(deps, {
    network: NETWORK,
    email: ANN,
    flow: must(second.flow),
    passcode: sms.lastPasscode(),
  });
  expect(await resend()).toEqual({ kind: 'not_locked' });
});

test('returns expired_code for a spent or unknown flow', async () => {
  const { deps, resend, flow, passcode } = await lockedOut();
  await verifyPasscode(deps, { network: NETWORK, email: ANN, flow, passcode });
  expect(await resend()).toEqual({ kind: 'expired_code' });
  expect(await resend('A'.repeat(22))).toEqual({ kind: 'expired_code' });
});

test('resends a reset code like an unlock code', async () => {
  const here = world();
  await here.signUp();
  const asked = await resetPwd(here.deps, { network: NETWORK, email: ANN });
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  await here.settled();
  here.clock.advanceSeconds(60);
  expect(await resendCode(here.deps, { network: NETWORK, flow: must(asked.flow) })).toMatchObject({
    kind: 'code_sent',
    flow: asked.flow,
  });
  await here.settled();
  expect(here.sms.sent).toHaveLength(2);
});

test('setting the clock back does not extend the resend pause (attack 40)', async () => {
  const { clock, resend, sms } = await lockedOut();
  clock.setBackMinutes(120);
  await resend();
  expect(sms.sent).toHaveLength(2);
});

test('the resend pause still holds after the clock is set back (attack 40)', async () => {
  const { clock, signIn, sms, settled } = await lockedOut();
  clock.setBackMinutes(120);
  for (let time = 0; time < 5; time += 1) await signIn('wrong');
  await settled();
  expect(sms.sent).toHaveLength(2);
});

test('a resend for an address without an account answers the same and sends no message', async () => {
  const here = world();
  const flow = must((await here.lockOut()).flow);
  here.clock.advanceSeconds(60);
  expect(await resendCode(here.deps, { network: NETWORK, flow })).toMatchObject({
    kind: 'code_sent',
    resendIn: 60,
    flow,
  });
  await here.settled();
  expect(here.sms.sent).toEqual([]);
});

test('a known device with a confirmed phone can resend a failed code of strangers at once', async () => {
  const here = world();
  await here.signUp();
  const device = await confirmedDevice(here);
  here.sms.sent.length = 0;
  here.sms.answerNext({ kind: 'refused', reason: 'busy' });
  const asked = await resetPwd(here.deps, { network: NETWORK, email: ANN });
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  await here.settled();
  await here.setPassword(must(asked.flow), '000000', 'the new password');

  const form = { network: NETWORK, flow: must(asked.flow), deviceOf: () => device };
  const again = await resendCode(here.deps, form);
  if (again.kind !== 'code_sent') throw new Error(again.kind);
  await here.settled();
  expect(here.sms.sent).toHaveLength(2);
  const passcode = here.sms.lastPasscode();
  expect(await here.setPassword(must(again.flow), passcode, 'the new password')).toMatchObject({
    kind: 'ok',
  });
});
