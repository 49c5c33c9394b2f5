import { describe, expect, test } from 'vitest';
import { MISCONFIGURED, PHONE, ringCentralBench, SENT, TEXT } from '../support/ringcentral.ts';
import { page, refusal, type Trouble, tooMany } from '../support/ringcentral-standin.ts';

const bench = ringCentralBench();
const { lines, sender } = bench;

/** Returns a sender and the id of a message that it sent. Clears the log. */
async function sentMessage(options?: Parameters<typeof sender>[0]) {
  const sms = sender(options);
  const outcome = await sms.send(PHONE, TEXT);
  if (outcome.kind !== 'sent') throw new Error(`Not sent: ${outcome.kind}`);
  lines.length = 0;
  return { sms, id: outcome.messageId };
}

describe('a sent message', () => {
  test('is tracked until it is delivered', async () => {
    const { sms, id } = await sentMessage();
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'delivered' });
    expect(bench.ringCentral.count('messages')).toBe(3);
  });

  test('has the status and the request id of the last reading in its delivery', async () => {
    const { sms, id } = await sentMessage();
    expect(await sms.trackDelivery(id)).toEqual({
      kind: 'delivered',
      facts: { status: 200, requestId: 'standin-request-5', errorCode: undefined },
    });
  });

  test.each([
    ['SMS-RC-413', 'opted_out'],
    ['SMS-UP-413', 'opted_out'],
    ['SMS-CAR-413', 'opted_out'],
    ['SMS-RC-410', 'bad_recipient'],
    ['SMS-UP-410', 'bad_recipient'],
    ['SMS-CAR-411', 'bad_recipient'],
    ['SMS-UP-414', 'misconfigured'],
    ['SMS-CAR-461', 'misconfigured'],
    ['SMS-RC-403', 'busy'],
    ['SMS-CAR-450', 'busy'],
    ['SMS-CAR-451', 'busy'],
    ['SMS-CAR-452', 'busy'],
    ['SMS-RC-430', 'undeliverable'],
    ['SMS-CAR-104', 'undeliverable'],
    ['SMS-CAR-412', 'undeliverable'],
    ['SMS-UP-500', 'undeliverable'],
    [undefined, 'undeliverable'],
  ])('that fails with %s failed as %s', async (errorCode, reason) => {
    const failed = 'DeliveryFailed' as const;
    bench.ringCentral.progress = ['Sent', errorCode ? { failed, errorCode } : { failed }];
    const { sms, id } = await sentMessage();
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'failed', reason });
    expect(lines).toMatchObject([{ kind: 'failed', reason, errorCode }]);
  });

  test('that RingCentral could not send has failed too', async () => {
    bench.ringCentral.progress = [{ failed: 'SendingFailed', errorCode: 'SMS-RC-410' }];
    const { sms, id } = await sentMessage();
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'failed', reason: 'bad_recipient' });
  });

  test('that stays on its way is read once after each delay', async () => {
    bench.ringCentral.progress = ['Queued', 'Sent'];
    const { sms, id } = await sentMessage({ trackingDelaysMs: [0, 0] });
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'unknown' });
    expect(bench.ringCentral.count('messages')).toBe(2);
    expect(lines).toMatchObject([{ kind: 'unknown' }]);
  });

  test.each<[string, Trouble]>([
    ['a 500', refusal(500, 'CMN-203')],
    ['a page', page(503)],
    ['a 200 with a page', page(200)],
    ['a 404', refusal(404, 'CMN-102')],
    ['half an answer', { kind: 'cut' }],
    ['a dropped connection', { kind: 'drop', when: 'before' }],
  ])('is read again after %s', async (_what, trouble) => {
    bench.ringCentral.progress = ['Delivered'];
    const { sms, id } = await sentMessage();
    bench.ringCentral.next('messages', trouble, trouble);
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'delivered' });
  });

  test('is unknown if the last reading hangs for longer than the time limit of a call', async () => {
    const { sms, id } = await sentMessage({ requestTimeoutMs: 200, trackingDelaysMs: [0] });
    bench.ringCentral.next('messages', { kind: 'hang' });
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'unknown' });
  });

  test('is tracked even if the token is revoked', async () => {
    const { sms, id } = await sentMessage();
    bench.ringCentral.revokeTokens();
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'delivered' });
    expect(bench.ringCentral.count('token')).toBe(2);
  });

  test('is not read if its id is invalid', async () => {
    const { sms } = await sentMessage();
    expect(await sms.trackDelivery(`../sms?${PHONE}`)).toMatchObject({ kind: 'unknown' });
    expect(bench.ringCentral.count('sms')).toBe(1);
    expect(bench.ringCentral.count('other')).toBe(0);
  });
});

describe('tracking', () => {
  test('reads nothing while a 429 asks to wait, and takes no longer', async () => {
    const { sms, id } = await sentMessage();
    bench.ringCentral.next('sms', tooMany('30'));
    await sms.send(PHONE, TEXT);
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'unknown' });
    expect(bench.ringCentral.count('messages')).toBe(0);
    bench.advanceSeconds(30);
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'delivered' });
  });

  test('stops after a 429, and so do all other calls', async () => {
    const { sms, id } = await sentMessage();
    bench.ringCentral.next('messages', tooMany('30'));
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'unknown' });
    expect(bench.ringCentral.count('messages')).toBe(1);
    expect(await sms.send(PHONE, TEXT)).toMatchObject({ reason: 'busy', retryAfterSeconds: 30 });
  });

  test("uses at most half of RingCentral's rate limit", async () => {
    const { sms, id } = await sentMessage();
    bench.ringCentral.remaining.light = 24;
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'unknown' });
    expect(bench.ringCentral.count('messages')).toBe(1);
    bench.ringCentral.remaining.light = 49;
    bench.advanceSeconds(60);
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'delivered' });
  });

  test.each([
    ['the app', () => void bench.ringCentral.permissions.delete('ReadMessages'), 'CMN-401'],
    ['the user', () => bench.ringCentral.always('messages', refusal(403, 'CMN-408')), 'CMN-408'],
  ])('ends for good, with one log line, if %s lacks the permission', async (_who, forbid, errorCode) => {
    forbid();
    const { sms, id } = await sentMessage();
    expect(
      await Promise.all([sms.trackDelivery(id), sms.trackDelivery(id), sms.trackDelivery(id)]),
    ).toMatchObject(Array(3).fill({ kind: 'unknown' }));
    const asked = bench.ringCentral.count('messages');
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'unknown' });
    expect(bench.ringCentral.count('messages')).toBe(asked);
    expect(lines.filter(({ event }) => event !== undefined)).toEqual([
      {
        event: 'delivery_tracking_off',
        provider: { status: 403, errorCode, requestId: expect.any(String) },
        fix: expect.stringContaining('the permission ReadMessages'),
      },
    ]);
    expect(await sms.send(PHONE, TEXT)).toEqual(SENT);
  });

  test('survives a refused login', async () => {
    const { sms, id } = await sentMessage();
    bench.ringCentral.revokeTokens();
    bench.ringCentral.always('token', refusal(400, 'OAU-125'));
    expect(await sms.trackDelivery(id)).toMatchObject({ kind: 'unknown' });
    expect(bench.ringCentral.count('token')).toBe(2);
    expect(await sms.send(PHONE, TEXT)).toEqual(MISCONFIGURED);
  });
});
