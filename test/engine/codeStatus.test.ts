import { expect, test } from 'vitest';
import { codeStatus, resendCode, resetPwd, verifyPasscode } from '../../src/engine.ts';
import type { DeliveryResult, SmsOutcome } from '../../src/sms.ts';
import { ANN, confirmedDevice, must, NETWORK, PASSWORD, type World, world } from '../support/world.ts';

/** Ann, signed in on a device, and the code that she asks for there. */
async function onKnownDevice(outcome?: SmsOutcome, fate?: DeliveryResult) {
  const here = world();
  await here.signUp();
  const signedIn = await here.signIn(PASSWORD);
  if (signedIn.kind !== 'ok') throw new Error(signedIn.kind);
  const { device } = signedIn.issued;
  if (outcome !== undefined) here.sms.answerNext(outcome);
  if (fate !== undefined) here.sms.endNext(fate);
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
    'sent, where no more is known',
    { kind: 'sent', messageId: '1' },
    { kind: 'unknown' },
    { delivery: 'sent', resendIn: 60 },
  ],
  ['sent, where its fate is unknown', { kind: 'unknown' }, undefined, { delivery: 'sent', resendIn: 60 }],
  [
    'failed on its way',
    { kind: 'sent', messageId: '1' },
    { kind: 'failed', reason: 'undeliverable' },
    { delivery: 'failed', reason: 'undeliverable', resendIn: 0 },
  ],
  [
    'refused',
    { kind: 'refused', reason: 'opted_out' },
    undefined,
    { delivery: 'failed', reason: 'opted_out', resendIn: 0 },
  ],
])('a known device is told that the message is %s', async (_, outcome, fate, told) => {
  const { status } = await onKnownDevice(outcome, fate);
  expect(await status()).toEqual({ kind: 'ok', ...told });
});

test('a message that has not been answered yet is being sent', async () => {
  const here = await onKnownDevice();
  here.clock.advanceSeconds(60);
  here.sms.answerNext(new Promise(() => undefined));
  const asked = await resetPwd(here.deps, { network: NETWORK, email: ANN, device: here.device });
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  expect(
    await codeStatus(here.deps, { network: NETWORK, flow: must(asked.flow), deviceOf: () => here.device }),
  ).toMatchObject({ delivery: 'sending' });
});

test('a known device may ask again at once where the message did not arrive', async () => {
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

test('the end of an earlier message says nothing of a later one', async () => {
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

test('a code whose message failed on its way stays good', async () => {
  const { setPassword, flow, sms } = await onKnownDevice(
    { kind: 'sent', messageId: '1' },
    { kind: 'failed', reason: 'undeliverable' },
  );
  expect(await setPassword(flow, sms.lastPasscode(), 'a brand new password')).toMatchObject({ kind: 'ok' });
});

test.each<[string, SmsOutcome | undefined]>([
  ['arrived', undefined],
  ['was refused', { kind: 'refused', reason: 'bad_recipient' }],
  ['hangs', { kind: 'unknown' }],
])(
  'to all others a message that %s is being sent, then sent, like one to nobody (attack 14)',
  async (_, outcome) => {
    const somebody = world();
    await somebody.signUp();
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
    const seen = await statuses(somebody);
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

test('of a code that strangers asked for, a known device is told the end once the phone is confirmed', async () => {
  const told = async (here: World, device: string) => {
    here.clock.advanceSeconds(60);
    here.sms.answerNext({ kind: 'refused', reason: 'bad_recipient' });
    const flow = await ask(here);
    here.clock.advanceSeconds(5);
    return codeStatus(here.deps, { network: NETWORK, flow, deviceOf: () => device });
  };
  const { device, ...here } = await onKnownDevice();
  expect(await told(here, device)).toEqual({ kind: 'ok', delivery: 'sent', resendIn: 55 });
  const confirmed = await confirmedDevice(here);
  expect(await told(here, confirmed)).toEqual({
    kind: 'ok',
    delivery: 'failed',
    reason: 'bad_recipient',
    resendIn: 0,
  });
});

test('to all others a refused message keeps its pause', async () => {
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

test('a code made while messages fail for everybody has failed for everybody, nobody among them', async () => {
  const statusOf = async (here: World) => {
    here.sms.availability = { kind: 'failing', retryAfterSeconds: 30 };
    const { flow } = await here.lockOut();
    return codeStatus(here.deps, { network: NETWORK, flow: must(flow) });
  };
  const somebody = world();
  await somebody.signUp();
  const told = { kind: 'ok', delivery: 'failed', reason: 'outage', resendIn: 60 };
  expect(await statusOf(somebody)).toEqual(told);
  expect(await statusOf(world())).toEqual(told);
});

test('where messages fail for everybody, the time to ask again is when they may go again', async () => {
  const here = await onKnownDevice({ kind: 'refused', reason: 'busy', retryAfterSeconds: 90 });
  here.sms.availability = { kind: 'failing', retryAfterSeconds: 90 };
  expect(await here.status()).toEqual({ kind: 'ok', delivery: 'failed', reason: 'busy', resendIn: 90 });
  here.sms.availability = { kind: 'clear' };
  expect(await here.status()).toEqual({ kind: 'ok', delivery: 'failed', reason: 'busy', resendIn: 0 });
});

test('a code that is sent again after the outage has not failed any more', async () => {
  const here = world();
  here.sms.availability = { kind: 'failing', retryAfterSeconds: 30 };
  const flow = await ask(here);
  here.sms.availability = { kind: 'clear' };
  here.clock.advanceSeconds(60);
  await resendCode(here.deps, { network: NETWORK, flow });
  expect(await codeStatus(here.deps, { network: NETWORK, flow })).toMatchObject({ delivery: 'sending' });
});

test('a flow that nobody knows is being sent', async () => {
  expect(await codeStatus(world().deps, { network: NETWORK, flow: 'A'.repeat(22) })).toEqual({
    kind: 'ok',
    delivery: 'sending',
  });
});

test('where no message can be taken on, a reset and a resend are told to slow down, before anything is made', async () => {
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
  const somebody = world();
  await somebody.signUp();
  const told = [
    { kind: 'slow_down', retryAfter: 17 },
    { kind: 'slow_down', retryAfter: 17 },
  ];
  expect(await outcomes(somebody)).toEqual({ seen: told, sent: 1 });
  expect(await outcomes(world())).toEqual({ seen: told, sent: 0 });
});

test("a login's failure counts and locks all the same, and the code can be asked for later", async () => {
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
