import { CONSTANTS } from '../policy.ts';
import { type ReadTx, type Session, StoreUnavailable, type Tx, type User } from '../store.ts';
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

/** A page visit of a signed-in user, as far as it reads. */
interface Visit {
  readonly tx: ReadTx;
  readonly nowMs: number;
  readonly session: Session;
  readonly user: User;
}

/**
 * Runs `read` for a page of the session's user, and returns undefined if the session is over. It takes no write lock, so pages
 * still come while the database can't be written. Afterwards it records the visit.
 */
export async function forVisit<Result>(
  deps: Deps,
  form: SessionForm,
  read: (visit: Visit) => Promise<Result>,
): Promise<Result | undefined> {
  const { session: token } = form;
  if (token === undefined) return undefined;
  const visited = await deps.store.read(async (tx) => {
    const session = await tx.sessionFor(hashOf(token));
    const nowMs = timeOf(deps, tx);
    if (session === undefined || !isLive(session, nowMs)) return undefined;
    const { email } = session;
    const user = await tx.userFor(email);
    if (user === undefined) return undefined;
    const device = form.deviceOf?.(email);
    const known = device === undefined ? undefined : await tx.deviceFor(email, hashOf(device), nowMs);
    const isDue = isSeenAgain(session, nowMs) || known?.hasOlderTokens;
    return { isDue, result: await read({ tx, nowMs, session, user }) };
  });
  if (visited?.isDue) deps.afterResponse(() => recordVisit(deps, form, token));
  return visited?.result;
}

/** Records that the session was seen, and that the device's token was used. A database that can't be written loses no more. */
async function recordVisit(deps: Deps, { deviceOf }: SessionForm, token: string): Promise<void> {
  const recorded = deps.store.transact(
    async (tx) => {
      const nowMs = timeOf(deps, tx);
      const found = await liveSession(tx, token, nowMs);
      if (found) await knownDevice(tx, { email: found.email, device: deviceOf?.(found.email) }, nowMs);
    },
    { about: { session: hashOf(token) } },
  );
  await recorded.catch((error) => {
    if (!(error instanceof StoreUnavailable)) throw error;
  });
}

/** Returns the user of a session that is still good. */
export function whoIsSignedIn(
  deps: Deps,
  form: SessionForm,
): Promise<{ fname: string; lname: string; email: string } | undefined> {
  return forVisit(deps, form, async ({ user: { fname, lname, email } }) => ({ fname, lname, email }));
}

/** Returns the session of a token if it is still good, and records that it was seen. */
export async function liveSession(tx: Tx, token: string, nowMs: number): Promise<Session | undefined> {
  const found = await tx.sessionFor(hashOf(token));
  if (found === undefined || !isLive(found, nowMs)) return undefined;
  if (isSeenAgain(found, nowMs)) await tx.noteSeen(hashOf(token), nowMs);
  return found;
}

function isSeenAgain({ seenAtMs }: Session, nowMs: number): boolean {
  return nowMs >= seenAtMs + CONSTANTS.sessionSeenSeconds * 1000;
}

/** True if a session is within its full lifetime, and has not been idle for too long. */
export function isLive({ createdAtMs, seenAtMs }: Session, nowMs: number): boolean {
  const { sessionLifetimeSeconds, sessionIdleSeconds } = CONSTANTS;
  return nowMs < createdAtMs + sessionLifetimeSeconds * 1000 && nowMs < seenAtMs + sessionIdleSeconds * 1000;
}
