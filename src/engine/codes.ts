import { codeId, isPasscode, type Purpose } from '../passcode.ts';
import type { Code, CodeAbout } from '../store.ts';
import { hashOf, timedToken } from '../token.ts';
import { countFailedCode, countGuess } from './guess-limit.ts';
import type { EngineRequest } from './request.ts';

/** A code for the request's account, not stored yet. */
export function newCode(
  { deps, account, nowMs }: EngineRequest,
  { purpose, device, phoneno }: CodeAbout,
  duringOutage: boolean,
  requestedByKnownDevice: boolean,
): Code {
  return {
    id: codeId(timedToken(deps.randomBytes, nowMs), deps.appSecrets),
    email: account.email,
    purpose,
    device,
    phoneno,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + deps.policy.codeLifetimeSeconds * 1000,
    sentAtMs: nowMs,
    isSpent: false,
    delivery: 'sending',
    reason: undefined,
    duringOutage,
    isSuppressed: false,
    requestedByKnownDevice,
  };
}

/** True if the time is outside of the code's life. A time before it counts too: a clock set back revives no code. */
export function isExpired(code: Code, nowMs: number): boolean {
  return nowMs < code.createdAtMs || nowMs >= code.expiresAtMs;
}

/** Returns the code that a flow may try for one of the purposes, or the answer if it may not. The answer voids nothing. */
export async function codeToTry(
  { tx, account, nowMs }: EngineRequest,
  flowToken: string,
  ...purposes: Purpose[]
): Promise<{ kind: 'open' | 'expired_code'; code: Code } | { kind: 'wrong_code' }> {
  const flow = await tx.flowFor(hashOf(flowToken));
  if (flow === undefined) return { kind: 'wrong_code' };
  const { code, isTried } = flow;
  if (code.email !== account.email || !purposes.includes(code.purpose)) return { kind: 'wrong_code' };
  if (isTried || code.isSpent || isExpired(code, nowMs)) return { kind: 'expired_code', code };
  return { kind: 'open', code };
}

/** Spends the code if the passcode is right, and returns whether it was. A wrong one voids the code for this flow alone. */
export async function spendPasscode(
  request: EngineRequest,
  form: { flow: string; passcode: string },
  code: Code,
): Promise<boolean> {
  const { deps, tx, account, nowMs } = request;
  // The try is counted before the passcode is compared, so parallel requests get no extra tries.
  await tx.markTried(hashOf(form.flow), nowMs);
  // A user who has proved the password tries all other codes, so they take no turn of strangers.
  if (code.purpose === 'unlock' || code.purpose === 'reset') await countGuess(request);
  const isRight = isPasscode(form.passcode, deps.appSecrets, code);
  if (!isRight || code.delivery === 'refused' || code.isSuppressed || !account.exists) {
    await countFailedCode(request);
    if (code.purpose === 'signin') await tx.addFailedSignInCode(code.email);
    return false;
  }

  await tx.spendCode(code.id, nowMs);
  if (code.purpose !== 'newphone') await confirmPhone(request);
  if (code.purpose === 'reset' || code.purpose === 'signin') await tx.clearFailedSignInCodes(code.email);
  return true;
}

/** Confirms the present phone. Codes that would replace it without a code to it are void from then on. */
async function confirmPhone({ tx, account, nowMs }: EngineRequest): Promise<void> {
  await tx.confirmPhone(account.email, nowMs);
  if (!account.isPhoneConfirmed) await tx.spendCodes(account.email, nowMs, 'newphone');
}
