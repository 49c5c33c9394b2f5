import { maskPhone } from '../phone.ts';
import type { CodeAsked } from './outcomes.ts';
import type { EngineRequest } from './request.ts';
import { sendSmsMessage } from './send-code.ts';
import { classifyRequest } from './sms-limits.ts';

/** True if the account is locked on the device. The default is the device that sent the request. */
export async function isLocked({ tx, account, device }: EngineRequest, ofDevice = device): Promise<boolean> {
  return (await tx.lockoutFor(account.email, ofDevice)).isLocked;
}

/** Counts one failure for the device that sent the request, and returns the failures in a row. */
export async function addFailure({ tx, account, device, nowMs }: EngineRequest): Promise<number> {
  return tx.addFailure(account.email, device, nowMs);
}

/** Sets the failures of the device to zero, and unlocks it. */
export async function clearLockout({ tx, account, device }: EngineRequest, ofDevice = device): Promise<void> {
  await tx.clearLockout(account.email, ofDevice);
}

/** Locks the account on the device that sent the request. */
export async function lock({ deps, tx, account, device, nowMs }: EngineRequest): Promise<void> {
  deps.onLock?.();
  await tx.lock(account.email, device, nowMs);
}

/** Sends a code to unlock the account, and returns the answer. The account is locked even if no code can be sent. */
export async function lockedWithCode(request: EngineRequest): Promise<{ kind: 'locked' } & CodeAsked> {
  const { account, device } = request;
  const asked = await sendSmsMessage(request, await classifyRequest(request, 'unlock'), {
    purpose: 'unlock',
    device,
    phoneno: '',
  });
  if (asked.kind === 'code_sent') return { ...asked, kind: 'locked' };
  return { kind: 'locked', phone: maskPhone(account.phoneno), resendIn: asked.retryAfter };
}
