import { maskPhone } from '../phone.ts';
import { CONSTANTS } from '../policy.ts';
import { UNKNOWN_DEVICE } from '../store.ts';
import type { Deps } from './deps.ts';
import { hasGuessedTooOften } from './guess-limit.ts';
import type { LoginOutcome } from './outcomes.ts';
import type { EngineRequest } from './request.ts';
import { sendSmsMessage } from './send-code.ts';
import { classifyRequest } from './sms-limits.ts';

/** True if a sign-in on the device that sent the request needs a code besides the password. */
export function needsCode({ deps, device }: EngineRequest): boolean {
  const { secondFactor } = deps.policy;
  return secondFactor === 'always' || (secondFactor === 'unknown_device' && device === UNKNOWN_DEVICE);
}

/** True if a sign-up may replace an account that has never known a device. A mistyped phone is then no dead end. */
export function mayReplaceUnfinished({ policy }: Deps): boolean {
  return policy.secondFactor !== 'never';
}

/** Sends a code to sign in with, and returns the answer. Only a user who has proved the password gets one. */
export async function requireCode(request: EngineRequest, signature: string): Promise<LoginOutcome> {
  const { account, device } = request;
  const phone = maskPhone(account.phoneno);
  if (hasGuessedTooOften(request)) {
    return { kind: 'code_required', signature, phone, resendIn: CONSTANTS.guessedTooOftenSeconds };
  }
  const sms = await classifyRequest(request, 'signin');
  const asked = await sendSmsMessage(request, sms, { purpose: 'signin', device, phoneno: '' });
  if (asked.kind === 'code_sent') return { ...asked, kind: 'code_required', signature };
  return { kind: 'code_required', signature, phone, resendIn: asked.retryAfter };
}
