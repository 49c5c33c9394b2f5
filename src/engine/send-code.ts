import { messageText, type NoticeKind, noticeText, type Purpose, passcodeFor } from '../passcode.ts';
import { maskPhone } from '../phone.ts';
import { CONSTANTS } from '../policy.ts';
import { ANY_DELIVERY, type Code, type CodeAbout, type Flow } from '../store.ts';
import { hashOf, randomToken } from '../token.ts';
import { isOutage, resendInSeconds, retryPauseMs } from './code-status.ts';
import { isExpired, newCode } from './codes.ts';
import { hasGuessedTooOften } from './guess-limit.ts';
import { type AskedMessage, logMessage, type MessageResult } from './message-log.ts';
import type { CodeSent, SlowDown } from './outcomes.ts';
import type { EngineRequest, SmsRequest } from './request.ts';
import {
  chargeLimits,
  classifyRequest,
  disclosedWaitMs,
  isKnownDevice,
  noticeRequest,
} from './sms-limits.ts';
import { inSeconds } from './windows.ts';

/**
 * The tutorial's sendSMSMessage: makes a code, a flow to try it with, and its message. During the pause after the last code
 * it sends nothing, and the answer has another flow for that code. It has no flow if the code has three, is spent or has
 * expired. Returns `slow_down` if a disclosed limit is full.
 */
export async function sendSmsMessage(
  request: EngineRequest,
  sms: SmsRequest,
  about: CodeAbout,
): Promise<CodeSent | SlowDown> {
  const { deps, tx, nowMs, account } = request;
  const { email } = account;
  const answer = { kind: 'code_sent', phone: maskPhone(account.phoneno) } as const;
  const flow = randomToken(deps.randomBytes, 16);

  const newest = await tx.newestCode(email, about, nowMs);
  if (newest !== undefined && retryPauseMs(request, sms, newest) > 0) {
    logRefused(request, about.purpose, 'pause');
    const isGood = !newest.isSpent && !isExpired(newest, nowMs);
    const isOpened = isGood && (await tx.addFlow(hashOf(flow), newest.id, CONSTANTS.maxFlowsPerCode));
    const resendIn = await resendInSeconds(request, sms, newest);
    return { ...answer, resendIn, ...(isOpened && { flow }) };
  }

  const code = newCode(request, about, isOutage(deps), isKnownDevice(sms));
  const sent = await putInOutbox(request, sms, code);
  if (sent.kind === 'slow_down') return sent;
  await tx.addCode({ ...code, isSuppressed: sent.isSuppressed });
  await tx.addFlow(hashOf(flow), code.id, CONSTANTS.maxFlowsPerCode);
  return { ...answer, resendIn: sent.resendIn, flow };
}

/**
 * Sends a code of the purpose, about the device that sent the request. Returns `slow_down` if the sender can't accept a
 * message now.
 */
export async function requestCode(
  request: EngineRequest,
  purpose: Purpose,
  phoneno = '',
): Promise<CodeSent | SlowDown> {
  const { device } = request;
  const sms = await classifyRequest(request, purpose);
  return queueFull(request, sms, purpose) ?? sendSmsMessage(request, sms, { purpose, device, phoneno });
}

/** Returns `slow_down` if a disclosed limit or the queue has no room for a code of the purpose now. */
export async function messageWait(request: EngineRequest, purpose: Purpose): Promise<SlowDown | undefined> {
  const sms = await classifyRequest(request, purpose);
  const waitMs = await disclosedWaitMs(request, sms);
  if (waitMs === 0) return queueFull(request, sms, purpose);
  logRefused(request, purpose, 'limit');
  return { kind: 'slow_down', retryAfter: inSeconds(waitMs) };
}

/** Sends the code of a flow again. Sends a new one if that code is no longer good. Sends nothing during the pause. */
export async function resendSmsMessage(
  request: EngineRequest,
  { code, isTried }: Flow,
  flow: string,
): Promise<CodeSent | SlowDown> {
  const { deps, tx, nowMs, account } = request;
  const { purpose } = code;
  const sms = await classifyRequest(request, purpose);
  const full = queueFull(request, sms, purpose);
  if (full !== undefined) return full;

  const answer = { kind: 'code_sent', phone: maskPhone(account.phoneno), flow } as const;
  if (purpose === 'signin' && hasGuessedTooOften(request)) {
    return { ...answer, resendIn: CONSTANTS.guessedTooOftenSeconds };
  }
  const newest = await tx.newestCode(account.email, code, nowMs);
  if (newest !== undefined && retryPauseMs(request, sms, newest) > 0) {
    logRefused(request, purpose, 'pause');
    return { ...answer, resendIn: await resendInSeconds(request, sms, newest) };
  }
  if (isTried || isExpired(code, nowMs)) return sendSmsMessage(request, sms, code);

  const sent = await putInOutbox(request, sms, code);
  if (sent.kind === 'slow_down') return sent;
  const { isSuppressed, resendIn } = sent;
  const requestedByKnownDevice = isKnownDevice(sms);
  const again = { duringOutage: isOutage(deps), isSuppressed, requestedByKnownDevice };
  await tx.resendCode(code.id, again, nowMs);
  // If the code was sent before, a refusal of this message does not void it.
  await tx.noteDelivery(code.id, 'sending', code.isSuppressed ? ANY_DELIVERY : ['refused', 'failed']);
  return { ...answer, resendIn };
}

/** Tells the user by text message what was changed. Sends nothing if the limits have no room. */
export async function sendNotice(request: EngineRequest, kind: NoticeKind): Promise<void> {
  const { deps, outbox } = request;
  const sms = noticeRequest(request, kind);
  const charged = await chargeLimits(request, sms);
  if (charged.kind === 'refused') return logRefused(request, kind, 'limit');
  const { charge } = charged;
  outbox.push({ ...asked(request, kind), sms, charge, text: () => noticeText(deps.site, kind) });
}

/** Returns `slow_down` if the sender can't accept a message of this trust level now. The same for every account. */
function queueFull(request: EngineRequest, { trust }: SmsRequest, purpose: Purpose): SlowDown | undefined {
  const { deps } = request;
  const availability = deps.availability(trust);
  if (availability.kind !== 'full') return undefined;
  logRefused(request, purpose, 'queue_full');
  deps.alert({ event: 'queue_full' });
  return { kind: 'slow_down', retryAfter: availability.retryAfterSeconds };
}

/** Charges a code's message and puts it into the outbox. `resendIn`: whole seconds until the next one may be asked for. */
async function putInOutbox(
  request: EngineRequest,
  sms: SmsRequest,
  code: Code,
): Promise<{ kind: 'in_outbox'; isSuppressed: boolean; resendIn: number } | SlowDown> {
  const { deps, nowMs, outbox } = request;
  const charged = await chargeLimits(request, sms);
  if (charged.kind === 'refused') {
    logRefused(request, code.purpose, 'limit');
    return { kind: 'slow_down', retryAfter: charged.retryAfter };
  }

  const { charge, nextInSeconds } = charged;
  // Rounded up: a code that was made some milliseconds ago is still good for an hour.
  const lifetimeSeconds = inSeconds(code.expiresAtMs - nowMs);
  const text = () =>
    messageText(deps.site, code.purpose, passcodeFor(deps.appSecrets, code), lifetimeSeconds);
  outbox.push({ ...asked(request, code.purpose), sms, charge, code, text });
  const resendIn = Math.max(deps.policy.codeResendSeconds, nextInSeconds);
  return { kind: 'in_outbox', isSuppressed: charge.isSuppressed, resendIn };
}

function asked({ account, client }: EngineRequest, purpose: AskedMessage['purpose']): AskedMessage {
  return { account, purpose, requestId: client.requestId };
}

/** Logs a message that is not even put into the outbox. */
function logRefused(
  request: EngineRequest,
  purpose: AskedMessage['purpose'],
  reason: NonNullable<MessageResult['reason']>,
): void {
  logMessage(request.deps, asked(request, purpose), { event: 'sms_refused', reason });
}
