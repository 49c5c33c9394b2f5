import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryResult, SmsSender } from '../../sms.ts';
import type { SmsApi } from './api.ts';
import type { RingCentralClient } from './client.ts';
import {
  type CallFacts,
  deliveryReasonOf,
  factsOf,
  failureOf,
  fieldsOf,
  isForbidden,
  plainWord,
} from './failure.ts';
import type { Log } from './log.ts';

interface Reading {
  result: DeliveryResult;
  facts: CallFacts;
}

/**
 * Returns a `trackDelivery` that reads the message once after each delay, until its delivery is known. It skips a reading
 * after a 429, and stops for good if the app lacks the permission. Its timers don't keep the process alive.
 */
export function deliveryTracker(
  client: RingCentralClient,
  api: SmsApi,
  { delaysMs, log }: { delaysMs: readonly number[]; log: Log },
): Required<SmsSender>['trackDelivery'] {
  let isOff = false;

  async function read(messageId: string): Promise<Reading> {
    try {
      const answer = await client.call(api.statusCall(messageId));
      const { end, errorCode } = api.readStatus(await fieldsOf(answer));
      return { result: resultOf(end, errorCode), facts: { ...factsOf(answer), errorCode } };
    } catch (error) {
      const { facts } = await failureOf(error);
      if (isForbidden(facts)) turnOff(facts);
      return { result: { kind: 'unknown' }, facts };
    }
  }

  function turnOff(facts: CallFacts): void {
    if (isOff) return;
    isOff = true;
    const hint = `Deliveries are not tracked any more: the app or its user lacks the permission ${api.readPermission}.`;
    log({ event: 'delivery_tracking_off', ...facts, hint });
  }

  return async function trackDelivery(messageId) {
    let last: Reading = { result: { kind: 'unknown' }, facts: {} };
    for (const delayMs of isOff ? [] : delaysMs) {
      await sleep(delayMs, undefined, { ref: false });
      if (client.mayPoll() && !isOff) last = await read(messageId);
      if (isOff || last.result.kind !== 'unknown') break;
    }
    const { kind, ...reason } = last.result;
    if (!isOff) log({ event: `delivery_${kind}`, ...reason, ...last.facts, messageId: plainWord(messageId) });
    return last.result;
  };
}

function resultOf(end: 'delivered' | 'failed' | undefined, errorCode: string | undefined): DeliveryResult {
  if (end === 'failed') return { kind: 'failed', reason: deliveryReasonOf(errorCode) };
  return { kind: end ?? 'unknown' };
}
