import type { Tx } from '../store.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Milliseconds until fewer than `most` events of the key are in the window; 0 if there are fewer now. Infinity is no limit. */
export async function windowWaitMs(
  tx: Tx,
  key: string,
  most: number,
  windowMs: number,
  nowMs: number,
): Promise<number> {
  if (most === Number.POSITIVE_INFINITY) return 0;
  const atMs = await tx.nthNewestEvent(key, most, nowMs - windowMs, nowMs);
  return atMs === undefined ? 0 : atMs + windowMs - nowMs;
}

/** Whole seconds, rounded up. */
export function inSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
