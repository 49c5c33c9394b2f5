import { expect, test } from 'vitest';
import { codeStatus, resendCode, resetPwd, verifyPasscode } from '../../src/engine.ts';
import type { DeliveryResult, SmsOutcome } from '../../src/sms.ts';
import { ANN, confirmedDevice, must, NETWORK, PASSWORD, type World, world } from '../support/world.ts';

/** Ann, signed in on a device, with a code that she asked for there. */
async function onKnownDevice(outcome?: SmsOutcome, result?: DeliveryResult) {
  const here = world();
  await here.signUp();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const { device } = signedIn.issued;
  if (outcome !== undefined) here.sms.answerNext(outcome);
  if (result !== undefined) here.sms.endNext(result);
  const flow = await ask(here, device);
  return {
    ...here,
    device,
    flow,
    status: () => codeStatus(here.deps, { network: NETWORK, flow, deviceOf: () => device }),
  };
}

async function ask(here: World, device?: string): Promise<string> {
  const asked = await resetPwd(here.deps, { network: NETWORK, email: ANN, ...(device && { device }) });
  await here.settled();
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  return must(asked.flow);
}

test.each<[string, SmsOutcome, DeliveryResult | undefined, object]>([
  [
    'delivered',
    { kind: 'sent', messageId: '1' },
    { kind: 'delivered' },
    { delivery: 'delivered', resendIn: 60 },
  ],
  [
    'sent, if its delivery is unknown',
    { kind: 'sent', messageId: '1' },
    { kind: 'unknown' },
    { delivery: 'sent', resendIn: 60 },
  ],
  ['sent, if it may have been sent', { kind: 'unknown' }, undefined, { delivery: 'sent', resendIn: 60 }],
  [
    'failed, if it did not arrive',
    { kind: 'sent', messageId: '1' },
    { kind: 'failed', reason: 'undeliverable' },
    { delivery: 'failed', reason: 'undeliverable', resendIn: 0 },
  ],
  [
    'failed, if it was refused',
    { kind: 'refused', reason: 'opted_out' },
    undefined,
    { delivery: 'failed', reason: 'opted_out', resendIn: 0 },
  ],
])('a known device sees its message as %s', async (_, outcome, result, expected) => {
  const { status } = await onKnownDevice(outcome, result);
  expect(await status()).toEqual({ kind: 'ok', ...expected });
});

test('a message is sending until the sender has an answer', async () => {
  const here = await onKnownDevice();
  here.clock.advanceSeconds(60);
  here.sms.answerNext(new Promise(() => undefined));
  const asked = await resetPwd(here.deps, { network: NETWORK, email: ANN, device: here.device });
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  expect(
    await codeStatus(here.deps, { network: NETWORK, flow: must(asked.flow), deviceOf: () => here.device }),
  ).toMatchObject({ delivery: 'sending' });
});

test('a known device can ask again at once if the message did not arrive', async () => {
  const { deps, sms, device, flow, settled } = await onKnownDevice({
    kind: 'refused',
    reason: 'bad_recipient',
  });
  const deviceOf = () => device;
  expect(await resendCode(deps, { network: NETWORK, flow, deviceOf })).toMatchObject({
    kind: 'code_sent',
    flow,
    resendIn: 60,
  });
  await settled();
  expect(sms.sent).toHaveLength(2);
  expect(await codeStatus(deps, { network: NETWORK, flow, deviceOf })).toMatchObject({
    delivery: 'delivered',
  });
});

test('the result of an earlier message does not change the status of a later one', async () => {
  const here = world();
  await here.signUp();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const { device } = signedIn.issued;
  const deviceOf = () => device;
  let end = (_: DeliveryResult) => {};
  here.sms.endNext(
    new Promise((resolve) => {
      end = resolve;
    }),
  );
  const asked = await resetPwd(here.deps, { network: NETWORK, email: ANN, device });
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  const flow = must(asked.flow);
  const delivery = async () => (await codeStatus(here.deps, { network: NETWORK, flow, deviceOf })).delivery;
  await expect.poll(delivery).toBe('sent');

  here.clock.advanceSeconds(60);
  await resendCode(here.deps, { network: NETWORK, flow, deviceOf });
  await expect.poll(delivery).toBe('delivered');
  end({ kind: 'failed', reason: 'undeliverable' });
  await here.settled();
  expect(await delivery()).toBe('delivered');
});

test('a code stays valid if its message fails after it was sent', async () => {
  const { setPassword, flow, sms } = await onKnownDevice(
    { kind: 'sent', messageId: '1' },
    { kind: 'failed', reason: 'undeliverable' },
  );
  expect(await setPassword(flow, sms.lastPasscode(), 'a brand new password')).toMatchObject({ kind: 'ok' });
});

test.each<[string, SmsOutcome | undefined]>([
  ['arrived', undefined],
  ['was refused', { kind: 'refused', reason: 'bad_recipient' }],
  ['may have been sent', { kind: 'unknown' }],
])(
  'an unknown device sees a message that %s as sending, then sent, as for a decoy account (attack 14)',
  async (_, outcome) => {
    const known = world();
    await known.signUp();
    const statuses = async (here: World) => {
      if (outcome !== undefined) here.sms.answerNext(outcome);
      const flow = await ask(here);
      const seen = [];
      for (const seconds of [0, 2, 1, 56, 1, 3600]) {
        here.clock.advanceSeconds(seconds);
        seen.push(await codeStatus(here.deps, { network: NETWORK, flow, deviceOf: () => 'x'.repeat(43) }));
      }
      return seen;
    };
    const seen = await statuses(known);
    expect(seen).toEqual(await statuses(world()));
    expect(seen.map(({ delivery }) => delivery)).toEqual([
      'sending',
      'sending',
      'sent',
      'sent',
      'sent',
      'sent',
    ]);
  },
);

test('a known device sees the delivery of a code for strangers only if its phone is confirmed', async () => {
  const statusOn = async (here: World, device: string) => {
    here.clock.advanceSeconds(60);
    here.sms.answerNext({ kind: 'refused', reason: 'bad_recipient' });
    const flow = await ask(here);
    here.clock.advanceSeconds(5);
    return codeStatus(here.deps, { network: NETWORK, flow, deviceOf: () => device });
  };
  const { device, ...here } = await onKnownDevice();
  expect(await statusOn(here, device)).toEqual({ kind: 'ok', delivery: 'sent', resendIn: 55 });
  const confirmed = await confirmedDevice(here);
  expect(await statusOn(here, confirmed)).toEqual({
    kind: 'ok',
    delivery: 'failed',
    reason: 'bad_recipient',
    resendIn: 0,
  });
});

test('a refused message does not shorten the resend pause of unknown devices', async () => {
  const here = world();
  await here.signUp();
  here.sms.answerNext({ kind: 'refused', reason: 'bad_recipient' });
  const flow = await ask(here);
  expect(await resendCode(here.deps, { network: NETWORK, flow })).toMatchObject({
    kind: 'code_sent',
    resendIn: 60,
    flow,
  });
  await here.settled();
  expect(here.sms.sent).toHaveLength(1);
});

test('a code from an outage is failed for every address, with or without an account', async () => {
  const statusOf = async (here: World) => {
    here.sms.availability = { kind: 'failing', retryAfterSeconds: 30 };
    const { flow } = await here.lockOut();
    return codeStatus(here.deps, { network: NETWORK, flow: must(flow) });
  };
  const known = world();
  await known.signUp();
  const expected = { kind: 'ok', delivery: 'failed', reason: 'outage', resendIn: 60 };
  expect(await statusOf(known)).toEqual(expected);
  expect(await statusOf(world())).toEqual(expected);
});

test('resendIn lasts until the end of the outage', async () => {
  const here = await onKnownDevice({ kind: 'refused', reason: 'busy', retryAfterSeconds: 90 });
  here.sms.availability = { kind: 'failing', retryAfterSeconds: 90 };
  expect(await here.status()).toEqual({ kind: 'ok', delivery: 'failed', reason: 'busy', resendIn: 90 });
  here.sms.availability = { kind: 'clear' };
  expect(await here.status()).toEqual({ kind: 'ok', delivery: 'failed', reason: 'busy', resendIn: 0 });
});

test('a code that is resent after the outage is no longer failed', async () => {
  const here = world();
  here.sms.availability = { kind: 'failing', retryAfterSeconds: 30 };
  const flow = await ask(here);
  here.sms.availability = { kind: 'clear' };
  here.clock.advanceSeconds(60);
  await resendCode(here.deps, { network: NETWORK, flow });
  expect(await codeStatus(here.deps, { network: NETWORK, flow })).toMatchObject({ delivery: 'sending' });
});

test('an unknown flow is sending', async () => {
  expect(await codeStatus(world().deps, { network: NETWORK, flow: 'A'.repeat(22) })).toEqual({
    kind: 'ok',
    delivery: 'sending',
  });
});

test('a reset and a resend create nothing and return slow_down if the queue is full', async () => {
  const outcomes = async (here: World) => {
    const flow = await ask(here);
    here.clock.advanceSeconds(60);
    here.sms.availability = { kind: 'full', retryAfterSeconds: 17 };
    const seen = [
      await resetPwd(here.deps, { network: NETWORK, email: ANN }),
      await resendCode(here.deps, { network: NETWORK, flow }),
    ];
    await here.settled();
    return { seen, sent: here.sms.sent.length };
  };
  const known = world();
  await known.signUp();
  const expected = [
    { kind: 'slow_down', retryAfter: 17 },
    { kind: 'slow_down', retryAfter: 17 },
  ];
  expect(await outcomes(known)).toEqual({ seen: expected, sent: 1 });
  expect(await outcomes(world())).toEqual({ seen: expected, sent: 0 });
});

test('a full queue does not stop a login from locking, and the code can be resent later', async () => {
  const here = world();
  await here.signUp();
  here.sms.availability = { kind: 'full', retryAfterSeconds: 17 };
  here.sms.answerNext({ kind: 'refused', reason: 'busy' });
  const flow = must((await here.lockOut()).flow);
  here.sms.availability = { kind: 'clear' };
  here.clock.advanceSeconds(60);
  await resendCode(here.deps, { network: NETWORK, flow });
  await here.settled();
  const form = { network: NETWORK, email: ANN, flow, passcode: here.sms.lastPasscode() };
  expect(await verifyPasscode(here.deps, form)).toMatchObject({ kind: 'ok' });
});
