import { CONSTANTS } from '../policy.ts';
import { type Tx, UNKNOWN_DEVICE } from '../store.ts';
import { hashOf, randomToken, timedToken } from '../token.ts';
import type { EngineRequest } from './request.ts';

/** Returns the id of the account's device that has the form's device token, or UNKNOWN_DEVICE. */
export async function knownDevice(
  tx: Tx,
  form: { email: string; device?: string },
  nowMs: number,
): Promise<string> {
  if (form.device === undefined) return UNKNOWN_DEVICE;
  return (await tx.deviceFor(form.email, hashOf(form.device), nowMs)) ?? UNKNOWN_DEVICE;
}

/** Makes the device known to the account under a fresh token, and returns the token. `oldToken` is the device's token so far. */
export async function rememberDevice(
  { deps, tx, nowMs, account, device }: EngineRequest,
  oldToken?: string,
): Promise<string> {
  const { email } = account;
  const token = timedToken(deps.randomBytes, nowMs);
  const expiresAtMs = nowMs + CONSTANTS.deviceLifetimeSeconds * 1000;
  if (device !== UNKNOWN_DEVICE && oldToken !== undefined) {
    await tx.renewDevice(email, hashOf(oldToken), hashOf(token), expiresAtMs);
  } else {
    const id = randomToken(deps.randomBytes, 16);
    await tx.addDevice(id, email, hashOf(token), { nowMs, expiresAtMs });
  }
  return token;
}
