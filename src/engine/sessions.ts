import { CONSTANTS } from '../policy.ts';
import { hashOf, timedToken } from '../token.ts';
import type { Deps } from './deps.ts';
import { knownDevice } from './devices.ts';
import type { EngineRequest } from './request.ts';
import type { SessionForm } from './requests.ts';

/** Starts a session under a fresh token, ends the browser's old one, and returns the token. */
export async function startSession(
  { deps, tx, nowMs, account }: EngineRequest,
  oldToken?: string,
): Promise<string> {
  const token = timedToken(deps.randomBytes, nowMs);
  if (oldToken !== undefined) await tx.endSession(hashOf(oldToken));
  await tx.addSession(hashOf(token), account.email, nowMs);
  return token;
}

/** Returns the user of a session that is still good. Records that the session was seen, and that the device's token was used. */
export async function whoIsSignedIn(
  deps: Deps,
  { session, deviceOf }: SessionForm,
): Promise<{ fname: string; email: string } | undefined> {
  if (session === undefined) return undefined;
  return deps.store.transact(async (tx) => {
    const nowMs = deps.nowMs();
    const found = await tx.sessionFor(hashOf(session));
    if (found === undefined) return undefined;
    if (nowMs >= found.createdAtMs + CONSTANTS.sessionLifetimeSeconds * 1000) return undefined;
    if (nowMs >= found.seenAtMs + CONSTANTS.sessionIdleSeconds * 1000) return undefined;

    if (nowMs >= found.seenAtMs + CONSTANTS.sessionSeenSeconds * 1000)
      await tx.noteSeen(hashOf(session), nowMs);
    await knownDevice(tx, { email: found.email, device: deviceOf?.(found.email) }, nowMs);
    const user = await tx.userFor(found.email);
    return user && { fname: user.fname, email: user.email };
  });
}
