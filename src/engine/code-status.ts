import { CONSTANTS } from '../policy.ts';
import type { Code } from '../store.ts';
import type { Deps } from './deps.ts';
import type { CodeStatusOutcome } from './outcomes.ts';
import type { EngineRequest, SmsRequest } from './request.ts';
import type { FlowForm } from './requests.ts';
import { classifyRequest, disclosedWaitMs, isKnownDevice, undisclosedWaitMs } from './sms-limits.ts';
import { forFlow } from './transaction.ts';
import { inSeconds } from './windows.ts';

/** The page asks every few seconds, and what it finds is safe to repeat. */
const LOOK = { isLasting: false };

/**
 * Returns what became of a code's message. What depends on the phone number is only for known devices of the account. All
 * others see the message sent by the clock, and see failures only during an outage.
 */
export async function codeStatus(deps: Deps, form: FlowForm): Promise<CodeStatusOutcome> {
  const unknown: CodeStatusOutcome = { kind: 'ok', delivery: 'sending' };
  return forFlow(
    deps,
    form,
    unknown,
    async (request, { code }) => {
      const { tx, nowMs, account } = request;
      const sms = await classifyRequest(request, code.purpose);
      const newest = await tx.newestCode(account.email, code, nowMs);
      const resendIn = await resendInSeconds(request, sms, newest);
      const seen = seesDelivery(request, sms, code) ? deliveryOf(code) : deliveryForStrangers(code, nowMs);
      const cooldown = seen.delivery === 'failed' ? outageSeconds(deps) : 0;
      return { kind: 'ok', ...seen, resendIn: Math.max(resendIn, cooldown) };
    },
    LOOK,
  );
}

/** Milliseconds of the pause after a code that are left. A known device that sees the failure of a message may retry at once. */
export function retryPauseMs(request: EngineRequest, sms: SmsRequest, newest: Code): number {
  const { deps, nowMs } = request;
  // After a right sign-in code, a second device may get a code at once.
  if (newest.purpose === 'signin' && newest.isSpent) return 0;
  const hasFailed = newest.delivery === 'refused' || newest.delivery === 'failed';
  if (hasFailed && seesDelivery(request, sms, newest) && !isOutage(deps)) return 0;
  return Math.max(0, newest.sentAtMs + deps.policy.codeResendSeconds * 1000 - nowMs);
}

/** Whole seconds until the next message may be asked for, as far as the device may know. */
export async function resendInSeconds(
  request: EngineRequest,
  sms: SmsRequest,
  newest: Code | undefined,
): Promise<number> {
  const waitsMs = [await disclosedWaitMs(request, sms)];
  if (newest !== undefined) {
    waitsMs.push(retryPauseMs(request, sms, newest));
    const seesSuppression = newest.isSuppressed && seesDelivery(request, sms, newest);
    if (seesSuppression) waitsMs.push(await undisclosedWaitMs(request, sms));
  }
  return inSeconds(Math.max(...waitsMs));
}

/** True during an outage: messages fail for every number at the moment. */
export function isOutage({ availability }: Deps): boolean {
  return availability('stranger').kind === 'failing';
}

/** Whole seconds until messages may be sent again, during an outage. */
function outageSeconds({ availability }: Deps): number {
  const found = availability('stranger');
  return found.kind === 'failing' ? found.retryAfterSeconds : 0;
}

/**
 * True if the device may learn what became of a code's message. A known device may, if it asked for the code itself. If a
 * stranger asked, the phone must be confirmed. An attacker can sign up another person's number, and could otherwise see by
 * its limits which other accounts have it.
 */
function seesDelivery({ account }: EngineRequest, sms: SmsRequest, code: Code): boolean {
  return isKnownDevice(sms) && (code.requestedByKnownDevice || account.isPhoneConfirmed);
}

/** The same for every account and every outcome of the message. */
function deliveryForStrangers(code: Code, nowMs: number): Pick<CodeStatusOutcome, 'delivery' | 'reason'> {
  if (code.duringOutage) return { delivery: 'failed', reason: 'outage' };
  return { delivery: nowMs < code.sentAtMs + CONSTANTS.sendingSeconds * 1000 ? 'sending' : 'sent' };
}

function deliveryOf({ delivery, reason }: Code): Pick<CodeStatusOutcome, 'delivery' | 'reason'> {
  if (delivery === 'refused' || delivery === 'failed')
    return { delivery: 'failed', ...(reason && { reason }) };
  return { delivery: delivery === 'unknown' ? 'sent' : delivery };
}
