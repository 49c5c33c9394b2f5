import { expect, test } from 'vitest';
import { resendCode, resetPwd } from '../../src/engine.ts';
import type { SmsOutcome } from '../../src/sms.ts';
import { ANN, must, NETWORK, ownersDevice, type World, world } from '../support/world.ts';

const NO_PAUSE = { codeResendSeconds: 0 };
const BOB = 'bob@example.com';

async function ask(here: World, email = ANN, requestId = 'r1', from: { device?: string } = {}) {
  const outcome = await resetPwd(here.deps, { email, network: NETWORK, requestId, ...from });
  await here.settled();
  return outcome;
}

/** The lines since the last look: id, event and reason. */
function newLines(here: World) {
  return here.lines.splice(0).map(({ id, event, reason }) => [id, event, reason].filter(Boolean).join(' '));
}

test('a sent message has a line, and a later one with its delivery, under the id of its request', async () => {
  const here = world();
  await here.signUp();
  await ask(here, ANN, 'r7');
  expect(here.lines).toMatchObject([
    { id: 'r7', event: 'sms_sent', purpose: 'reset', to: '0123', messageId: '1' },
    { id: 'r7', event: 'delivery_delivered', purpose: 'reset', to: '0123', messageId: '1' },
  ]);
  const [sent, delivered] = here.lines;
  expect([delivered?.account, delivered?.number]).toEqual([sent?.account, sent?.number]);
  expect(sent?.account).toMatch(/^[0-9a-f]{8}$/);
  expect(JSON.stringify(here.lines)).not.toMatch(/ann@|2025550123|\b\d{6}\b/);
});

test.each<[SmsOutcome, line: string]>([
  [{ kind: 'refused', reason: 'opted_out' }, 'r1 sms_refused opted_out'],
  [{ kind: 'refused', reason: 'misconfigured' }, 'r1 sms_refused misconfigured'],
  [{ kind: 'unknown' }, 'r1 sms_unknown'],
])('a message with the outcome %j has a line', async (outcome, line) => {
  const here = world();
  await here.signUp();
  here.sms.answerNext(outcome);
  await ask(here);
  expect(newLines(here)).toEqual([line]);
  expect(here.alerts).toEqual(outcome.kind === 'unknown' ? [{ event: 'sms_unconfirmed' }] : []);
});

test('a message to an address without an account is suppressed for that reason', async () => {
  const here = world();
  await here.signUp();
  await ask(here, BOB);
  expect(here.lines).toMatchObject([{ id: 'r1', event: 'sms_suppressed', reason: 'no_account' }]);
});

test('numbers with equal last digits have different hashes, and accounts that share a number one', async () => {
  const here = world();
  await here.signUp(ANN, 'a password', '+12025550123');
  await here.signUp(BOB, 'a password', '+12125550123');
  await here.signUp('cat@example.com', 'a password', '+12025550123');
  for (const email of [ANN, BOB, 'cat@example.com']) await ask(here, email);
  const sent = here.lines.filter(({ event }) => event === 'sms_sent');
  expect(sent.map(({ to }) => to)).toEqual(['0123', '0123', '0123']);
  const [ann, bob, cat] = sent.map(({ number }) => number);
  expect([ann === cat, ann === bob]).toEqual([true, false]);
  expect(new Set(sent.map(({ account }) => account)).size).toBe(3);
});

test('a full limit of the number is the reason of a suppressed message', async () => {
  const here = world(NO_PAUSE);
  const others = Array.from({ length: 9 }, (_, index) => `user${index}@example.com`);
  for (const email of others) {
    await here.signUp(email);
    await ask(here, email);
  }
  expect(newLines(here).at(-1)).toBe('r1 sms_suppressed phone');
});

test('a known device that gets no message has the reason in the log, though the page says only busy', async () => {
  const here = world(NO_PAUSE);
  await here.signUp();
  const device = await ownersDevice(here);
  const elsewhere: World = {
    ...here,
    deps: { ...here.deps, phones: { ...here.deps.phones, smsCountries: ['CA'] } },
  };
  await ask(elsewhere, ANN, 'r2', { device });
  expect(newLines(here)).toEqual(['r2 sms_suppressed country_not_served']);
});

test.each([true, false])(
  'a pause, a full limit and a full queue have lines too (account: %s)',
  async (hasAccount) => {
    const here = world();
    if (hasAccount) await here.signUp();
    const asked = await ask(here);
    newLines(here);
    await ask(here, ANN, 'r2');
    if (asked.kind !== 'code_sent') throw new Error(asked.kind);
    await resendCode(here.deps, { network: NETWORK, requestId: 'r3', flow: must(asked.flow) });
    expect(newLines(here)).toEqual(['r2 sms_refused pause', 'r3 sms_refused pause']);

    for (let minute = 0; minute < 5; minute += 1) {
      here.clock.advanceMinutes(2);
      newLines(here);
      await ask(here, ANN, 'r4');
    }
    expect(newLines(here)).toEqual(['r4 sms_refused limit']);
    here.sms.availability = { kind: 'full', retryAfterSeconds: 9 };
    await ask(here, ANN, 'r5');
    expect(newLines(here)).toEqual(['r5 sms_refused queue_full']);
  },
);

test('a notice has a line with its purpose', async () => {
  const here = world();
  await here.signUp();
  const asked = await ask(here);
  if (asked.kind !== 'code_sent') throw new Error(asked.kind);
  here.lines.length = 0;
  await here.setPassword(must(asked.flow), here.sms.lastPasscode(), 'another password');
  await here.settled();
  expect(here.lines).toMatchObject([{ event: 'sms_sent', purpose: 'notice' }]);
});
