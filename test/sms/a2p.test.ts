import { describe, expect, test } from 'vitest';
import type { RingCentralOptions } from '../../src/sms/ringcentral/sender.ts';
import { BUSY, MISCONFIGURED, PHONE, ringCentralBench, SENT, TEXT, UNKNOWN } from '../support/ringcentral.ts';
import { account, ok, page, refusal, type Trouble } from '../support/ringcentral-standin.ts';

const bench = ringCentralBench();
const { lines } = bench;
const sender = (options: Partial<RingCentralOptions> = {}) => bench.sender({ api: 'a2p', ...options });

describe('a high-volume message', () => {
  test('is sent as a batch of one from our number to the recipient', async () => {
    expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'sent', messageId: 'batch-1' });
    expect(bench.ringCentral.messages).toMatchObject([{ from: account.fromNumber, to: PHONE, text: TEXT }]);
    expect([bench.ringCentral.count('batches'), bench.ringCentral.count('sms')]).toEqual([1, 0]);
  });

  test.each([
    ['SMS-RC-410', 'bad_recipient'],
    ['SMS-RC-413', 'opted_out'],
    ['SMS-UP-414', 'misconfigured'],
    ['SMS-RC-403', 'busy'],
    ['SMS-RC-503', 'undeliverable'],
  ])('that is rejected with %s is refused as %s, and never tracked', async (errorCode, reason) => {
    bench.ringCentral.rejects.set(PHONE, errorCode);
    expect(await sender().send(PHONE, TEXT)).toMatchObject({ kind: 'refused', reason, scope: 'message' });
    expect(lines).toMatchObject([{ kind: 'refused', reason, errorCode }]);
    expect(bench.ringCentral.messages).toEqual([]);
  });

  test('to an invalid number is about the recipient', async () => {
    expect(await sender().send('+1', TEXT)).toMatchObject({ kind: 'refused', reason: 'bad_recipient' });
  });

  test('from a number without A2PSmsSender is our fault', async () => {
    bench.ringCentral.numbers[0]?.features.splice(0, 9, 'SmsSender');
    expect(await sender().send(PHONE, TEXT)).toEqual(MISCONFIGURED);
    expect(lines).toMatchObject([
      { kind: 'refused', reason: 'misconfigured', status: 403, errorCode: 'MSG-242' },
    ]);
  });

  test('of an app without the permission A2PSMS is our fault', async () => {
    bench.ringCentral.permissions.delete('A2PSMS');
    expect(await sender().send(PHONE, TEXT)).toEqual(MISCONFIGURED);
  });

  test.each<[string, Trouble]>([
    ['a 500', refusal(500, 'CMN-203')],
    ['a 200 with a page', page(200)],
    ['a 200 without an id', ok({ status: 'Processing', rejected: [] })],
    ['a connection dropped after the message was accepted', { kind: 'drop', when: 'after' }],
  ])('has an unknown outcome after %s, and is not sent again', async (_what, trouble) => {
    bench.ringCentral.next('batches', trouble);
    expect(await sender().send(PHONE, TEXT)).toEqual(UNKNOWN);
    expect(bench.ringCentral.count('batches')).toBe(1);
  });

  test('shares one login with nine others at a cold start', async () => {
    const sms = sender();
    const all = await Promise.all(Array.from({ length: 10 }, () => sms.send(PHONE, TEXT)));
    expect(all).toEqual(Array(10).fill(SENT));
    expect(bench.ringCentral.count('token')).toBe(1);
    expect(bench.ringCentral.messages).toHaveLength(10);
  });

  test('that RingCentral refuses for now is busy', async () => {
    bench.ringCentral.next('batches', refusal(503, 'MSG-290'));
    expect(await sender().send(PHONE, TEXT)).toEqual(BUSY);
  });
});

describe('tracking a high-volume message', () => {
  test('finds the message by its batch', async () => {
    const sms = sender();
    bench.ringCentral.progress = ['Delivered'];
    await sms.send('+16505550199', TEXT);
    bench.ringCentral.progress = ['Queued', { failed: 'DeliveryFailed', errorCode: 'SMS-CAR-413' }];
    await sms.send(PHONE, TEXT);
    expect(await sms.trackDelivery('batch-2')).toMatchObject({ kind: 'failed', reason: 'opted_out' });
    expect(await sms.trackDelivery('batch-1')).toMatchObject({ kind: 'delivered' });
  });

  test('continues while the batch has no message yet', async () => {
    const sms = sender();
    await sms.send(PHONE, TEXT);
    bench.ringCentral.next('a2pMessages', ok({ records: [] }));
    expect(await sms.trackDelivery('batch-1')).toMatchObject({ kind: 'delivered' });
  });

  test('ends for good if the app lacks the permission', async () => {
    const sms = sender();
    await sms.send(PHONE, TEXT);
    bench.ringCentral.permissions.delete('A2PSMS');
    expect(await sms.trackDelivery('batch-1')).toMatchObject({ kind: 'unknown' });
    expect(await sms.trackDelivery('batch-1')).toMatchObject({ kind: 'unknown' });
    expect(lines.filter(({ event }) => event === 'delivery_tracking_off')).toHaveLength(1);
    expect(bench.ringCentral.count('a2pMessages')).toBe(1);
  });
});
