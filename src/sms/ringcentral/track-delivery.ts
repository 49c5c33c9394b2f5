import { setTimeout as sleep } from 'node:timers/promises';
import type { CallFacts, DeliveryResult, SmsSender } from '../../sms.ts';
import type { SmsApi } from './api.ts';
import type { RingCentralClient } from './client.ts';
import { deliveryReasonOf, factsOf, failureOf, fieldsOf, isForbidden } from './failure.ts';

/** The app may not read messages, so no delivery is known from now on. `fix` names the permission. */
export interface TrackingLine {
  readonly event: 'delivery_tracking_off';
  readonly provider: CallFacts;
  readonly fix: string;
}

/**
 * Returns a `trackDelivery` that reads the message once after each delay, until its delivery is known. It skips a reading
 * after a 429, and stops for good if the app lacks the permission. Its timers don't keep the process alive.
 */
export function deliveryTracker(
  client: RingCentralClient,
  api: SmsApi,
  { delaysMs, log }: { delaysMs: readonly number[]; log: (line: TrackingLine) => void },
): Required<SmsSender>['trackDelivery'] {
  let isOff = false;

  async function read(messageId: string): Promise<DeliveryResult> {
    try {
      const answer = await client.call(api.statusCall(messageId));
      const { end, errorCode } = api.readStatus(await fieldsOf(answer));
      return { ...resultOf(end, errorCode), facts: { ...factsOf(answer), errorCode } };
    } catch (error) {
      const { facts } = await failureOf(error);
      if (isForbidden(facts)) turnOff(facts);
      return { kind: 'unknown', facts };
    }
  }

  function turnOff(facts: CallFacts): void {
    if (isOff) return;
    isOff = true;
    const fix = `Give the app and its user the permission ${api.readPermission}. Then restart the program.`;
    log({ event: 'delivery_tracking_off', provider: facts, fix });
  }

  return async function trackDelivery(messageId) {
    let last: DeliveryResult = { kind: 'unknown' };
    for (const delayMs of isOff ? [] : delaysMs) {
      await sleep(delayMs, undefined, { ref: false });
      if (client.mayPoll() && !isOff) last = await read(messageId);
      if (isOff || last.kind !== 'unknown') break;
    }
    return last;
  };
}

function resultOf(end: 'delivered' | 'failed' | undefined, errorCode: string | undefined): DeliveryResult {
  if (end === 'failed') return { kind: 'failed', reason: deliveryReasonOf(errorCode) };
  return { kind: end ?? 'unknown' };
}
