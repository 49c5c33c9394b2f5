import { CONSTANTS } from '../policy.ts';
import { UNKNOWN_DEVICE } from '../store.ts';
import type { SlowDown } from './outcomes.ts';
import type { EngineRequest } from './request.ts';
import { HOUR_MS, inSeconds, longestWindowWaitMs } from './windows.ts';

const GUESS = 'guess on an unknown device';
const FAILED_CODE = 'failed code';

/**
 * Slows guesses at codes down. After `failedCodesPerHour` wrong codes of all accounts together, unknown devices take turns.
 * Each network has one try in `guessPauseSeconds`, and so have all together. Returns undefined if the try may go on.
 */
export async function guessLimit(request: EngineRequest): Promise<SlowDown | undefined> {
  const { deps, tx, nowMs, device } = request;
  const { failedCodesPerHour, guessPauseSeconds } = deps.policy;
  const failed = { key: FAILED_CODE, most: failedCodesPerHour, windowMs: HOUR_MS };
  if ((await longestWindowWaitMs(tx, [failed], nowMs)) === 0) return undefined;
  deps.alert({ event: 'many_failed_codes' });
  if (device !== UNKNOWN_DEVICE) return undefined;
  const turns = [
    { key: GUESS, most: 1, windowMs: guessPauseSeconds.all * 1000 },
    { key: guessKey(request), most: 1, windowMs: guessPauseSeconds.network * 1000 },
  ];
  const waitMs = await longestWindowWaitMs(tx, turns, nowMs);
  return waitMs > 0 ? { kind: 'slow_down', retryAfter: inSeconds(waitMs) } : undefined;
}

/** Counts a try of a code. Only tries on unknown devices take turns. */
export async function countGuess(request: EngineRequest): Promise<void> {
  const { tx, nowMs, device } = request;
  if (device === UNKNOWN_DEVICE) await tx.countEvent([GUESS, guessKey(request)], nowMs);
}

/** Counts a wrong code. */
export async function countFailedCode({ tx, nowMs }: EngineRequest): Promise<void> {
  await tx.countEvent([FAILED_CODE], nowMs);
}

/** One customer may have all of an IPv6 /48. */
function guessKey({ client }: EngineRequest): string {
  return `${GUESS} ${client.prefix48 ?? client.network}`;
}

/** True if unknown devices of the account get no sign-in codes until a reset (NIST SP 800-63B-4, 3.2.2). */
export function hasGuessedTooOften({ account, device }: EngineRequest): boolean {
  return device === UNKNOWN_DEVICE && account.failedSignInCodes >= CONSTANTS.maxFailedSignInCodes;
}
