import { CONSTANTS } from '../policy.ts';
import { type Tx, UNKNOWN_DEVICE, type Visitor } from '../store.ts';
import { hashOf, randomToken, timedToken } from '../token.ts';
import type { EngineRequest } from './request.ts';

/** The id of a device, and the token that its browser gets. */
interface DeviceWithToken {
  readonly id: string;
  readonly token: string;
}

/**
 * Returns the id of the account's device that has the form's device token, or UNKNOWN_DEVICE. Ends the older tokens of the
 * device, because the browser has received this one.
 */
export async function knownDevice(
  tx: Tx,
  form: { email: string; device?: string | undefined },
  nowMs: number,
): Promise<string> {
  if (form.device === undefined) return UNKNOWN_DEVICE;
  const found = await tx.deviceFor(form.email, hashOf(form.device), nowMs);
  if (found?.hasOlderTokens) await tx.endOlderTokens(form.email, hashOf(form.device));
  return found?.id ?? UNKNOWN_DEVICE;
}

/**
 * Makes the device known to the account under a fresh token, and returns its id and the token. The device's old token stays
 * valid until the fresh one is used. So the device stays known even if the answer is lost on its way.
 */
export async function rememberDevice(request: EngineRequest): Promise<DeviceWithToken> {
  const { deps, nowMs, device } = request;
  const id = device === UNKNOWN_DEVICE ? randomToken(deps.randomBytes, 16) : device;
  const token = timedToken(deps.randomBytes, nowMs);
  await addToken(request, id, token);
  return { id, token };
}

/** The network and the browser that the account page shows for a request. */
export function visitorOf({ client }: EngineRequest): Visitor {
  return { network: client.network, browser: client.browserOf?.() ?? '' };
}

/**
 * Ends all sessions of the account and forgets its devices, except for the one that sent the request. That one becomes a new
 * device with a fresh token, and the token is returned. `oldToken` is its token so far.
 */
export async function forgetOthers(
  request: EngineRequest,
  oldToken: string | undefined,
): Promise<DeviceWithToken> {
  const { deps, tx, nowMs, account, device } = request;
  await tx.forgetBrowsers(account.email, nowMs);
  const id = randomToken(deps.randomBytes, 16);
  if (device !== UNKNOWN_DEVICE && oldToken !== undefined) await addToken(request, id, oldToken);
  return rememberDevice({ ...request, device: id });
}

async function addToken(request: EngineRequest, id: string, token: string): Promise<void> {
  const { tx, nowMs, account } = request;
  const expiresAtMs = nowMs + CONSTANTS.deviceLifetimeSeconds * 1000;
  const fresh = { id, tokenHash: hashOf(token), nowMs, expiresAtMs, ...visitorOf(request) };
  await tx.addDeviceToken(account.email, fresh, CONSTANTS.maxDevicesPerAccount);
}
