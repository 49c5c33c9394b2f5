import { describe, expect, test } from 'vitest';
import { type QueueOptions, queuedSms } from '../../src/sms/queue.ts';
import type { SmsOutcome, SmsSender, Standing } from '../../src/sms.ts';
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
  const send = (standing: Standing = 'stranger', to = '+12025550123') => own.sms.send(to, 'text', standing);
  const skip = async () => must(await own.sms.skip?.('+12025550123', 'text', 'stranger'));
  const answered = async (...outcomes: SmsOutcome[]) => {
    for (const outcome of outcomes) {
      sms.answerNext(outcome);
      await send();
    }
  };
  return { ...own, clock, sms, events, send, skip, answered };
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

test('what does not fit the queue is refused at once, and the outlook tells when to ask again', async () => {
  const { clock, sms, send, outlook } = queue();
  const fitting = [send(), send(), send(), send()];
  clock.advanceSeconds(20);
  expect(outlook('stranger')).toEqual({ kind: 'full', retryAfterSeconds: 40 });
  expect(await send()).toEqual({ kind: 'refused', reason: 'busy', retryAfterSeconds: 40 });
  clock.advanceSeconds(40);
  await Promise.all(fitting);
  expect(outlook('stranger')).toEqual({ kind: 'clear' });
  expect(sms.sent).toHaveLength(4);
});

test.each([
  ['a configuration that is refused', [MISCONFIGURED]],
  ['a provider that is busy', [BUSY]],
])('%s stops messages to everybody', async (_, outcomes) => {
  const { sms, send, answered, outlook, events } = queue({ perMinute: 10 });
  await answered(...outcomes);
  expect(outlook('stranger')).toMatchObject({ kind: 'failing' });
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
  const { answered, outlook } = queue({ perMinute: 10 });
  await answered(...outcomes);
  expect(outlook('stranger')).toEqual({ kind: 'clear' });
});

test('after the rest one message goes out as a probe, and its success lets the others go', async () => {
  const { clock, sms, send, answered, outlook, events } = queue({ perMinute: 10 });
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
  expect(outlook('stranger')).toEqual({ kind: 'clear' });
  expect(await send()).toMatchObject({ kind: 'sent' });
  expect(events).toEqual(['messages_failing', 'messages_going']);
});

test('a probe that fails, or whose fate is unknown, makes the rest begin anew', async () => {
  const { clock, sms, send, answered, outlook } = queue({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  await answered(UNKNOWN);
  expect(outlook('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
  expect(await send()).toMatchObject({ kind: 'refused' });
  expect(sms.sent).toHaveLength(2);
});

test('a probe to a number that gets no messages shows that the provider is there', async () => {
  const { clock, answered, outlook } = queue({ perMinute: 10 });
  await answered(MISCONFIGURED);
  clock.advanceSeconds(30);
  await answered(BAD_RECIPIENT);
  expect(outlook('stranger')).toEqual({ kind: 'clear' });
});

test('the provider may ask for a longer rest', async () => {
  const { clock, answered, outlook, send } = queue({ perMinute: 10 });
  await answered(BUSY);
  expect(outlook('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 45 });
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
  const { clock, sms, skip, send, outlook } = queue();
  const all = [send(), skip(), skip(), send()];
  await settle();
  expect(sms.sent).toHaveLength(1);
  expect(outlook('stranger')).toEqual({ kind: 'full', retryAfterSeconds: 60 });
  expect(await skip()).toEqual(await send());
  expect(await skip()).toMatchObject({ kind: 'refused', reason: 'busy' });
  clock.advanceSeconds(60);
  expect((await Promise.all(all)).map(({ kind }) => kind)).toEqual(['sent', 'sent', 'sent', 'sent']);
  expect(sms.sent).toHaveLength(2);
});

test('each standing has places of its own, and they take turns', async () => {
  const { clock, sms, send, outlook } = queue({ perMinute: 1 });
  const standings = ['stranger', 'stranger', 'stranger', 'known', 'confirmed', 'known'] as const;
  const all = standings.map((standing, index) => send(standing, `+1202555000${index}`));
  await settle();
  expect(outlook('stranger')).toMatchObject({ kind: 'full' });
  expect(outlook('known')).toMatchObject({ kind: 'full' });
  expect(outlook('settled')).toEqual({ kind: 'clear' });
  expect(outlook('confirmed')).toEqual({ kind: 'clear' });
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
    const { clock, sms, send, skip, answered, outlook, events, asked } = askable([false, false]);
    await answered(BUSY);
    clock.advanceSeconds(44);
    await settle();
    expect(asked.count).toBe(1);
    expect(outlook('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 1 });
    clock.advanceSeconds(1);
    await settle();
    expect(asked.count).toBe(2);
    expect(outlook('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
    for (const message of [send, skip]) expect(await message()).toMatchObject({ kind: 'refused' });
    clock.advanceSeconds(30);
    await settle();
    expect([asked.count, outlook('stranger').kind]).toEqual([3, 'clear']);
    expect(await send()).toMatchObject({ kind: 'sent' });
    expect(sms.sent).toHaveLength(2);
    expect(events).toEqual(['messages_failing', 'messages_going']);
  });

  test('and says so while messages fail is not believed: a message has to show that they go', async () => {
    const { clock, sms, send, skip, answered, outlook, asked } = askable([]);
    await answered(MISCONFIGURED);
    clock.advanceSeconds(90);
    await settle();
    expect([asked.count, outlook('stranger').kind]).toEqual([1, 'failing']);
    sms.answerNext(MISCONFIGURED);
    for (const message of [skip, send]) {
      await message();
      // The same, whether it has left and failed or not.
      expect(outlook('stranger')).toEqual({ kind: 'failing', retryAfterSeconds: 30 });
    }
    clock.advanceSeconds(30);
    expect(await send()).toMatchObject({ kind: 'sent' });
    expect(outlook('stranger').kind).toBe('clear');
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
    const { sms, send, outlook } = queue({ perMinute: 20 });
    for (let count = 0; count < 5; count += 1) {
      sms.answerNext(UNKNOWN);
      await send('stranger', numbers[0]);
    }
    expect(outlook('stranger').kind).toBe('clear');
    for (const number of numbers.slice(1)) {
      sms.answerNext(UNKNOWN);
      await send('stranger', number);
    }
    expect(outlook('stranger').kind).toBe('failing');
  });

  test.each(['send', 'skip'] as const)(
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
      expect(all.outlook('stranger').kind).toBe('clear');
    },
  );
});
