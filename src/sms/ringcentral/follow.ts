import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryResult } from '../../sms.ts';
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
import type { FollowLogLine, Log } from './log.ts';

interface Sight {
  fate: DeliveryResult;
  facts: CallFacts;
}

/**
 * A `follow` that asks after a message once after each of the waits, until it has an end. It leaves a question out
 * while RingCentral asks to be left alone, and asks none any more once the app is found to lack the permission. While
 * it waits, it keeps no program from ending.
 */
export function followBy(
  client: RingCentralClient,
  api: SmsApi,
  { waitsMs, log }: { waitsMs: readonly number[]; log: Log },
): (messageId: string) => Promise<DeliveryResult> {
  let isOff = false;

  async function ask(messageId: string): Promise<Sight> {
    try {
      const answer = await client.call(api.statusCall(messageId));
      const { end, errorCode } = api.readStatus(await fieldsOf(answer));
      return { fate: fateOf(end, errorCode), facts: { ...factsOf(answer), errorCode } };
    } catch (error) {
      const { facts } = await failureOf(error);
      if (isForbidden(facts)) turnOff(facts);
      return { fate: { kind: 'unknown' }, facts };
    }
  }

  function turnOff(facts: CallFacts): void {
    if (isOff) return;
    isOff = true;
    const hint = `Whether messages arrive is not followed from here on: the app or its user lacks the permission ${api.readPermission}.`;
    log({ event: 'follow_off', ...facts, messageId: undefined, hint });
  }

  return async function follow(messageId) {
    let last: Sight = { fate: { kind: 'unknown' }, facts: {} };
    for (const waitMs of isOff ? [] : waitsMs) {
      await sleep(waitMs, undefined, { ref: false });
      if (client.mayPoll() && !isOff) last = await ask(messageId);
      if (isOff || last.fate.kind !== 'unknown') break;
    }
    if (!isOff) log({ event: eventOf(last.fate), ...last.facts, messageId: plainWord(messageId) });
    return last.fate;
  };
}

function fateOf(end: 'delivered' | 'failed' | undefined, errorCode: string | undefined): DeliveryResult {
  if (end === 'failed') return { kind: 'failed', reason: deliveryReasonOf(errorCode) };
  return { kind: end ?? 'unknown' };
}

function eventOf(fate: DeliveryResult): FollowLogLine['event'] {
  return `follow_${fate.kind === 'failed' ? fate.reason : fate.kind}`;
}
