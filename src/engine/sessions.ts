import { CONSTANTS } from '../policy.ts';
import type { Session, Tx } from '../store.ts';
import { hashOf, randomToken, timedToken } from '../token.ts';
import type { Deps } from './deps.ts';
import { knownDevice, rememberDevice, visitorOf } from './devices.ts';
import type { IssuedTokens } from './outcomes.ts';
import { type EngineRequest, timeOf } from './request.ts';
import type { SessionForm } from './requests.ts';

/** Signs the user in on the browser of the request, which becomes a known device. Ends the browser's old session. */
export async function signIn(request: EngineRequest, oldSession?: string): Promise<IssuedTokens> {
  if (oldSession !== undefined) await request.tx.endSession(hashOf(oldSession));
  const device = await rememberDevice(request);
  return { session: await startSession(request, device.id), device: device.token };
}

/** Starts a session on a device, under a fresh token, and returns the token. `provedAtMs`: when the password was proved. */
export async function startSession(
  request: EngineRequest,
  device: string,
  provedAtMs = request.nowMs,
): Promise<string> {
  const { deps, tx, nowMs, account } = request;
  const token = timedToken(deps.randomBytes, nowMs);
  const session = {
    id: randomToken(deps.randomBytes, 16),
    email: account.email,
    device,
    createdAtMs: nowMs,
    seenAtMs: nowMs,
    provedAtMs,
    ...visitorOf(request),
  };
  await tx.addSession(hashOf(token), session, CONSTANTS.maxSessionsPerAccount);
  return token;
}

/** Returns the user of a session that is still good. Records that the session was seen, and that the device's token was used. */
export async function whoIsSignedIn(
  deps: Deps,
  { session, deviceOf }: SessionForm,
): Promise<{ fname: string; email: string } | undefined> {
  if (session === undefined) return undefined;
  return deps.store.transact(
    async (tx) => {
      const nowMs = timeOf(deps, tx);
      const found = await liveSession(tx, session, nowMs);
      if (found === undefined) return undefined;
      await knownDevice(tx, { email: found.email, device: deviceOf?.(found.email) }, nowMs);
      const user = await tx.userFor(found.email);
      return user && { fname: user.fname, email: user.email };
    },
    { about: { session: hashOf(session) } },
  );
}

/** Returns the session of a token if it is still good, and records that it was seen. */
export async function liveSession(tx: Tx, token: string, nowMs: number): Promise<Session | undefined> {
  const found = await tx.sessionFor(hashOf(token));
  if (found === undefined || !isLive(found, nowMs)) return undefined;
  if (nowMs >= found.seenAtMs + CONSTANTS.sessionSeenSeconds * 1000) await tx.noteSeen(hashOf(token), nowMs);
  return found;
}

/** True if a session is within its full lifetime, and has not been idle for too long. */
export function isLive({ createdAtMs, seenAtMs }: Session, nowMs: number): boolean {
  const { sessionLifetimeSeconds, sessionIdleSeconds } = CONSTANTS;
  return nowMs < createdAtMs + sessionLifetimeSeconds * 1000 && nowMs < seenAtMs + sessionIdleSeconds * 1000;
}
