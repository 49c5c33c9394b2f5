import { describe, expect, test } from 'vitest';
import { type QueueOptions, queuedSms } from '../../src/sms/queue.ts';
import type { SmsOutcome, SmsSender, TrustLevel } from '../../src/sms.ts';
import { fakeClock } from '../support/clock.ts';
import { fakeSms } from '../support/sms.ts';
import { must } from '../support/world.ts';

const BUSY: SmsOutcome = { kind: 'refused', reason: 'busy', retryAfterSeconds: 45 };
const MISCONFIGURED: SmsOutcome = { kind: 'refused', reason: 'misconfigured' };
const BAD_RECIPIENT: SmsOutcome = { kind: 'refused', reason: 'bad_recipient' };
const UNKNOWN: SmsOutcome = { kind: 'unknown' };

function queue(options: Partial<QueueOptions> = {}, more: Partial<SmsSender> = {}) {
  const clock = fakeClock();
  const sms = fakeSms();
  const events: string[] = [];
  const log: QueueOptions['log'] = ({ event }) => events.push(event);
  const { nowMs, sleep } = clock;
  const own = queuedSms(
    { ...sms, ...more },
    { perMinute: 2, maxWaiting: 2, restSeconds: 30, log, nowMs, sleep, ...options },
  );
  const send = (trust: TrustLevel = 'stranger', to = '+12025550123') => own.sms.send(to, 'text', trust);
  const sendDecoy = async () => must(await own.sms.sendDecoy?.('+12025550123', 'text', 'stranger'));
  const answered = async (...outcomes: SmsOutcome[]) => {
    for (const outcome of outcomes) {
      sms.answerNext(outcome);
      await send();
    }
  };
  return { ...own, clock, sms, events, send, sendDecoy, answered };
}

/** Lets everything go on that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('no more messages start in any minute than are allowed, and the others wait in order', async () => {
  const { clock, sms, send } = queue();
  const all = [send(), send(), send(), send()];
  await settle();
  expect(sms.sent).toHaveLength(2);
  clock.advanceSeconds(59);
  await settle();
  expect(sms.sent).toHaveLength(2);
  clock.advanceSeconds(1);
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent', 'sent']);
});

test('what does not fit the queue is refused at once, and the availability tells when to ask again', async () => {
  const { clock, sms, send, availability } = queue();
  const fitting = [send(), send(), send(), send()];
  clock.advanceSeconds(20);
  expect(availability('stranger')).toEqual({ kind: 'full', retryAfterSeconds: 40 });
  expect(await send()).toEqual({ kind: 'refused', reason: 'busy', retryAfterSeconds: 40 });
  clock.advanceSeconds(40);
  await Promise.all(fitting);
  expect(availability('stranger')).toEqual({ kind: 'clear' });
  expect(sms.sent).toHaveLength(4);
});

test.each([
  ['a configuration that is refused', [MISCONFIGURED]],
  ['a provider that is busy', [BUSY]],
])('%s stops messages to everybody', async (_, outcomes) => {
  const { sms, send, answered, availability, events } = queue({ perMinute: 10 });
  await answered(...outcomes);
  expect(availability('stranger')).toMatchObject({ kind: 'failing' });
  expect(await send()).toMatchObject({ kind: 'refused', reason: 'busy' });
  expect(sms.sent).toHaveLength(outcomes.length);
  expect(events).toEqual(['messages_failing']);
});

test.each([
  ['a carrier that takes no message to a number', [{ ...BUSY, scope: 'message' } as const]],
  ['a number that gets no messages', [BAD_RECIPIENT, BAD_RECIPIENT, BAD_RECIPIENT, BAD_RECIPIENT]],
  ['two messages of unknown fate', [UNKNOWN, UNKNOWN]],
  [
    'four of unknown fate that are not in a row',
    [UNKNOWN, UNKNOWN, { kind: 'sent', messageId: '1' } as const, UNKNOWN, UNKNOWN],
  ],
])('%s does not', async (_, outcomes) => {
  const { answered, availability } = queue({ perMinute: 10 });
  await answered(...outcomes);
  expect(availability('stranger')).toEqual({ kind: 'clear' });
});

test('after the rest one message goes out as a probe, and its success lets the others go', async () => {
  const { clock, sms, send, answered, availability, events } = queue({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  let let_go = (_: SmsOutcome) => {};
  sms.answerNext(
    new Promise((resolve) => {
      let_go = resolve;
    }),
  );
  const probe = send();
  await settle();
  expect(await send()).toMatchObject({ kind: 'refused' });
  expect(sms.sent).toHaveLength(2);
  let_go({ kind: 'sent', messageId: '1' });
  await probe;
  expect(availability('stranger')).toEqual({ kind: 'clear' });
  expect(await send()).toMatchObject({ kind: 'sent' });
  expect(events).toEqual(['messages_failing', 'messages_going']);
});

test('a probe that fails, or whose fate is unknown, makes the rest begin anew', async () => {
  const { clock, sms, send, answered, availability } = queue({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  await answered(UNKNOWN);
  expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
  expect(await send()).toMatchObject({ kind: 'refused' });
  expect(sms.sent).toHaveLength(2);
});

test('a probe to a number that gets no messages shows that the provider is there', async () => {
  const { clock, answered, availability } = queue({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  await answered(BAD_RECIPIENT);
  expect(availability('stranger')).toEqual({ kind: 'clear' });
});

test('the provider may ask for a longer rest', async () => {
  const { clock, answered, availability, send } = queue({ perMinute: 10 });
  await answered(BUSY);
  expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 45 });
  clock.advanceSeconds(44);
  expect(await send()).toMatchObject({ kind: 'refused', retryAfterSeconds: 45 });
});

test('messages that wait when they begin to fail for everybody are not sent', async () => {
  const { clock, sms, send } = queue();
  sms.answerNext(BUSY);
  const all = [send(), send(), send()];
  await Promise.all(all.slice(0, 2));
  clock.advanceSeconds(60);
  sms.answerNext(BUSY);
  await all[2];
  clock.advanceSeconds(1);
  expect(sms.sent.length).toBeLessThanOrEqual(3);
});

test('closing refuses the messages that wait, and those that come', async () => {
  const { sms, send, close } = queue();
  const all = [send(), send(), send()];
  await settle();
  close();
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['sent', 'sent', 'refused']);
  expect(await send()).toMatchObject({ kind: 'refused' });
  expect(sms.sent).toHaveLength(2);
});

test('a message that must not leave takes a turn and a place as any other, and leaves its sender alone', async () => {
  const { clock, sms, sendDecoy, send, availability } = queue();
  const all = [send(), sendDecoy(), sendDecoy(), send()];
  await settle();
  expect(sms.sent).toHaveLength(1);
  expect(availability('stranger')).toEqual({ kind: 'full', retryAfterSeconds: 60 });
  expect(await sendDecoy()).toEqual(await send());
  expect(await sendDecoy()).toMatchObject({ kind: 'refused', reason: 'busy' });
  clock.advanceSeconds(60);
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent', 'sent']);
  expect(sms.sent).toHaveLength(2);
});

test('each trust has places of its own, and they take turns', async () => {
  const { clock, sms, send, availability } = queue({ perMinute: 1 });
  const trustLevels = ['stranger', 'stranger', 'stranger', 'known', 'trusted', 'known'] as const;
  const all = trustLevels.map((trust, index) => send(trust, `+1202555000${index}`));
  await settle();
  expect(availability('stranger')).toMatchObject({ kind: 'full' });
  expect(availability('known')).toMatchObject({ kind: 'full' });
  expect(availability('trusted')).toEqual({ kind: 'clear' });
  for (let minute = 0; minute < 5; minute += 1) {
    clock.advanceSeconds(60);
    await settle();
  }
  await Promise.all(all);
  expect(sms.sent.map(({ to }) => Number(to.at(-1)))).toEqual([0, 1, 3, 4, 2, 5]);
});

describe('a sender that can tell whether it is ready', () => {
  function askable(answers: boolean[]) {
    const asked = { count: 0 };
    const isReady = async () => {
      asked.count += 1;
      return answers.shift() ?? true;
    };
    return { ...queue({ perMinute: 10 }, { isReady }), asked };
  }

  test('is asked after each rest, and messages go again once it is; none goes out as a probe', async () => {
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
    expect(events).toEqual(['messages_failing', 'messages_going']);
  });

  test('and says so while messages fail is not believed: a message has to show that they go', async () => {
    const { clock, sms, send, sendDecoy, answered, availability, asked } = askable([]);
    await answered(MISCONFIGURED);
    clock.advanceSeconds(90);
    await settle();
    expect([asked.count, availability('stranger').kind]).toEqual([1, 'failing']);
    sms.answerNext(MISCONFIGURED);
    for (const message of [sendDecoy, send]) {
      await message();
      // The same, whether it has left and failed or not.
      expect(availability('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
    }
    clock.advanceSeconds(30);
    expect(await send()).toMatchObject({ kind: 'sent' });
    expect(availability('stranger').kind).toBe('clear');
  });

  test('is not asked any more once the queue is closed', async () => {
    const { clock, answered, close, asked } = askable([false]);
    await answered(BUSY);
    await settle();
    close();
    clock.advanceSeconds(90);
    await settle();
    expect(asked.count).toBe(1);
  });
});

describe('messages of unknown fate stop messages to everybody', () => {
  const numbers = ['+12025550101', '+12025550102', '+12025550103'];

  test('where they went to three numbers, not where one number never answers', async () => {
    const { sms, send, availability } = queue({ perMinute: 20 });
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
    'and one that nobody gets ends the row as one that arrives: %s (attack 14)',
    async (between) => {
      const all = queue({ perMinute: 20 });
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
