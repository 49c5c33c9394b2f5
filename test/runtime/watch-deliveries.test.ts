import { expect, test } from 'vitest';
import type { Alert } from '../../src/engine/deps.ts';
import type { MessageResult } from '../../src/engine/message-log.ts';
import { watchDeliveries } from '../../src/runtime/watch-deliveries.ts';

const FAILED: MessageResult = { event: 'delivery_failed', reason: 'undeliverable' };
const REFUSED: MessageResult = { event: 'sms_refused', reason: 'undeliverable', provider: { status: 403 } };

/** Watches the results, each to the number in front of it. Returns how many alerts there were. */
function alertsAfter(...results: [number: number, MessageResult][]): number {
  const alerts: Alert[] = [];
  const watch = watchDeliveries((alert) => alerts.push(alert));
  for (const [number, result] of results) {
    watch({
      id: 'r1',
      purpose: 'reset',
      account: '',
      to: '',
      country: 'US',
      number: String(number),
      ...result,
    });
  }
  return alerts.length;
}

test('messages that fail to five numbers in a row cause an alert', () => {
  expect(alertsAfter([1, FAILED], [2, REFUSED], [3, FAILED], [4, REFUSED])).toBe(0);
  expect(alertsAfter([1, FAILED], [2, REFUSED], [3, FAILED], [4, REFUSED], [5, FAILED])).toBe(1);
});

test('one number whose messages fail causes no alert', () => {
  expect(alertsAfter(...Array.from({ length: 20 }, (): [number, MessageResult] => [1, FAILED]))).toBe(0);
});

test('a delivery in between ends the row', () => {
  const delivered: MessageResult = { event: 'delivery_delivered' };
  expect(alertsAfter([1, FAILED], [2, FAILED], [3, FAILED], [4, FAILED], [9, delivered], [5, FAILED])).toBe(
    0,
  );
});

test.each(['misconfigured', 'busy'] as const)(
  'refusals as %s do not count, because they are an outage',
  (reason) => {
    const refused: MessageResult = { event: 'sms_refused', reason, provider: { status: 403 } };
    const results = [1, 2, 3, 4, 5, 6].map((number): [number, MessageResult] => [number, refused]);
    expect(alertsAfter(...results)).toBe(0);
  },
);

test('messages that the program itself refuses do not count', () => {
  const paused: MessageResult = { event: 'sms_refused', reason: 'pause' };
  expect(alertsAfter([1, paused], [2, paused], [3, paused], [4, paused], [5, paused], [6, paused])).toBe(0);
});
