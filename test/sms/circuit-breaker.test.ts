import { describe, expect, test } from 'vitest';
import type { SmsOutcome } from '../../src/sms.ts';
import { settle, testPort } from '../support/sms-port.ts';

const BUSY: SmsOutcome = { kind: 'refused', reason: 'busy', retryAfterSeconds: 45 };
const MISCONFIGURED: SmsOutcome = { kind: 'refused', reason: 'misconfigured' };
const BAD_RECIPIENT: SmsOutcome = { kind: 'refused', reason: 'bad_recipient' };
const UNKNOWN: SmsOutcome = { kind: 'unknown' };

test.each([
  ['a refused configuration', [MISCONFIGURED]],
  ['a busy provider', [BUSY]],
])('%s stops messages to all numbers', async (_, outcomes) => {
  const { sms, send, answered, availability, events } = testPort({ perMinute: 10 });
  await answered(...outcomes);
  expect(availability('stranger')).toMatchObject({ kind: 'failing' });
  expect(await send()).toMatchObject({ kind: 'refused', reason: 'busy' });
  expect(sms.sent).toHaveLength(outcomes.length);
  expect(events).toEqual(['sms_outage_started']);
});

test.each([
  ['a carrier that refuses one message', [{ ...BUSY, scope: 'message' } as const]],
  ['a number that gets no messages', [BAD_RECIPIENT, BAD_RECIPIENT, BAD_RECIPIENT, BAD_RECIPIENT]],
  ['two unknown outcomes', [UNKNOWN, UNKNOWN]],
  [
    'four unknown outcomes that are not in a row',
    [UNKNOWN, UNKNOWN, { kind: 'sent', messageId: '1' } as const, UNKNOWN, UNKNOWN],
  ],
])('%s stops no other message', async (_, outcomes) => {
  const { answered, availability } = testPort({ perMinute: 10 });
  await answered(...outcomes);
  expect(availability('stranger')).toEqual({ kind: 'clear' });
});

test('after the cooldown one message is sent as a probe, and its success ends the outage', async () => {
  const { clock, sms, send, answered, availability, events } = testPort({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  let finish = (_: SmsOutcome) => {};
  sms.answerNext(
    new Promise((resolve) => {
      finish = resolve;
    }),
  );
  const probe = send();
  await settle();
  expect(await send()).toMatchObject({ kind: 'refused' });
  expect(sms.sent).toHaveLength(2);
  finish({ kind: 'sent', messageId: '1' });
  await probe;
  expect(availability('stranger')).toEqual({ kind: 'clear' });
  expect(await send()).toMatchObject({ kind: 'sent' });
  expect(events).toEqual(['sms_outage_started', 'sms_outage_ended']);
});

test('a probe that fails or has an unknown outcome starts the cooldown again', async () => {
  const { clock, sms, send, answered, availability } = testPort({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  await answered(UNKNOWN);
  expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
  expect(await send()).toMatchObject({ kind: 'refused' });
  expect(sms.sent).toHaveLength(2);
});

test('a probe to a number that gets no messages shows that the provider works', async () => {
  const { clock, answered, availability } = testPort({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  await answered(BAD_RECIPIENT);
  expect(availability('stranger')).toEqual({ kind: 'clear' });
});

test('the provider may ask for a longer cooldown', async () => {
  const { clock, answered, availability, send } = testPort({ perMinute: 10 });
  await answered(BUSY);
  expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 45 });
  clock.advanceSeconds(44);
  expect(await send()).toMatchObject({ kind: 'refused', retryAfterSeconds: 45 });
});

test('messages that wait when an outage starts are not sent', async () => {
  const { clock, sms, send } = testPort();
  sms.answerNext(BUSY);
  const all = [send(), send(), send()];
  await Promise.all(all.slice(0, 2));
  clock.advanceSeconds(60);
  sms.answerNext(BUSY);
  await all[2];
  clock.advanceSeconds(1);
  expect(sms.sent.length).toBeLessThanOrEqual(3);
});

describe('a sender that can tell whether it is ready', () => {
  function askable(answers: boolean[]) {
    const asked = { count: 0 };
    const isReady = async () => {
      asked.count += 1;
      return answers.shift() ?? true;
    };
    return { ...testPort({ perMinute: 10 }, { isReady }), asked };
  }

  test('is asked after each cooldown, and ends the outage without a probe', async () => {
    const { clock, sms, send, sendDecoy, answered, availability, events, asked } = askable([false, false]);
    await answered(BUSY);
    clock.advanceSeconds(44);
    await settle();
    expect(asked.count).toBe(1);
    expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 1 });
    clock.advanceSeconds(1);
    await settle();
    expect(asked.count).toBe(2);
    expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
    for (const message of [send, sendDecoy]) expect(await message()).toMatchObject({ kind: 'refused' });
    clock.advanceSeconds(30);
    await settle();
    expect([asked.count, availability('stranger').kind]).toEqual([3, 'clear']);
    expect(await send()).toMatchObject({ kind: 'sent' });
    expect(sms.sent).toHaveLength(2);
    expect(events).toEqual(['sms_outage_started', 'sms_outage_ended']);
  });

  test('and says so right after a failure is not believed: a message has to be the probe', async () => {
    const { clock, sms, send, sendDecoy, answered, availability, asked } = askable([]);
    await answered(MISCONFIGURED);
    clock.advanceSeconds(90);
    await settle();
    expect([asked.count, availability('stranger').kind]).toEqual([1, 'failing']);
    sms.answerNext(MISCONFIGURED);
    for (const message of [sendDecoy, send]) {
      await message();
      // The same, whether a message was sent and failed or not.
      expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
    }
    clock.advanceSeconds(30);
    expect(await send()).toMatchObject({ kind: 'sent' });
    expect(availability('stranger').kind).toBe('clear');
  });

  test('is not asked after the port is closed', async () => {
    const { clock, answered, close, asked } = askable([false]);
    await answered(BUSY);
    await settle();
    close();
    clock.advanceSeconds(90);
    await settle();
    expect(asked.count).toBe(1);
  });
});

describe('unknown outcomes stop messages to all numbers', () => {
  const numbers = ['+12025550101', '+12025550102', '+12025550103'];

  test('if they are for three numbers, not if one number never answers', async () => {
    const { sms, send, availability } = testPort({ perMinute: 20 });
    for (let count = 0; count < 5; count += 1) {
      sms.answerNext(UNKNOWN);
      await send('stranger', numbers[0]);
    }
    expect(availability('stranger').kind).toBe('clear');
    for (const number of numbers.slice(1)) {
      sms.answerNext(UNKNOWN);
      await send('stranger', number);
    }
    expect(availability('stranger').kind).toBe('failing');
  });

  test.each(['send', 'sendDecoy'] as const)(
    'and a decoy ends the row like a message that arrives: %s (attack 14)',
    async (between) => {
      const all = testPort({ perMinute: 20 });
      for (const number of numbers.slice(0, 2)) {
        all.sms.answerNext(UNKNOWN);
        await all.send('stranger', number);
      }
      await all[between]();
      all.sms.answerNext(UNKNOWN);
      await all.send('stranger', numbers[2]);
      expect(all.availability('stranger').kind).toBe('clear');
    },
  );
});
