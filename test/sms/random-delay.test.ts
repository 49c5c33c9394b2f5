import { expect, test } from 'vitest';
import { randomDelaySms } from '../../src/sms/random-delay.ts';
import { fakeClock } from '../support/clock.ts';
import { fakeSms } from '../support/sms.ts';
import { settle } from '../support/sms-port.ts';

const PHONE = '+16505550123';

/** A delayed fake sender, whose random number is always `random`. */
function delayed(random = 0) {
  const clock = fakeClock();
  const fake = fakeSms();
  const sms = randomDelaySms(fake, () => random, clock);
  /** Returns the answer, and whether it has settled. */
  const watched = (answer: Promise<unknown>) => {
    const seen = { isOver: false, answer };
    void answer.then(() => (seen.isOver = true));
    return seen;
  };
  const advanceMs = async (ms: number) => {
    await settle();
    clock.advanceSeconds(ms / 1000);
    await settle();
  };
  /** Sends a message that takes `ms` milliseconds after its delay. */
  const sendFor = async (ms: number) => {
    let finish = (_: { kind: 'sent'; messageId: string }) => {};
    fake.answerNext(new Promise((resolve) => (finish = resolve)));
    const sent = sms.send(PHONE, 'text');
    await advanceMs(400);
    await advanceMs(ms);
    finish({ kind: 'sent', messageId: '1' });
    await sent;
  };
  return { fake, sms, watched, advanceMs, sendFor };
}

test.each([
  [0, 50],
  [0.5, 225],
  [1, 400],
])('for the random number %d, a message waits %d ms', async (random, waitMs) => {
  const { fake, sms, advanceMs } = delayed(random);
  const sent = sms.send(PHONE, 'text');
  await advanceMs(waitMs - 1);
  expect(fake.sent).toEqual([]);
  await advanceMs(1);
  expect(fake.sent).toEqual([{ to: PHONE, text: 'text' }]);
  expect(await sent).toEqual({ kind: 'sent', messageId: '1' });
});

test('a decoy is never sent, and answers as a message that was sent', async () => {
  const { fake, sms, advanceMs, watched } = delayed();
  const decoy = watched(sms.sendDecoy(PHONE, 'text'));
  await advanceMs(50);
  await advanceMs(299);
  expect(decoy.isOver).toBe(false);
  await advanceMs(1);
  expect(await decoy.answer).toEqual({ kind: 'sent', messageId: '' });
  expect(fake.sent).toEqual([]);
});

test('a decoy takes as long as one of the last 20 messages', async () => {
  const { sms, advanceMs, sendFor, watched } = delayed();
  for (let ms = 1000; ms < 1021; ms += 1) await sendFor(ms);
  // The random number 0 chooses the oldest of the last 20.
  const decoy = watched(sms.sendDecoy(PHONE, 'text'));
  await advanceMs(50);
  await advanceMs(1000);
  expect(decoy.isOver).toBe(false);
  await advanceMs(1);
  expect(decoy.isOver).toBe(true);
});

test('the outcome and the delivery are those of the sender', async () => {
  const { fake, sms, advanceMs } = delayed();
  fake.answerNext({ kind: 'refused', reason: 'opted_out' });
  const sent = sms.send(PHONE, 'text');
  await advanceMs(50);
  expect(await sent).toEqual({ kind: 'refused', reason: 'opted_out' });
  expect(await sms.trackDelivery?.('1')).toEqual({ kind: 'delivered' });
});
