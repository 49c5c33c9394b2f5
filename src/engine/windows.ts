import type { Tx } from '../store.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** At most `most` events of the key in `windowMs`. Infinity is no limit. */
export interface Window {
  readonly key: string;
  readonly most: number;
  readonly windowMs: number;
}

/** Returns for each window the milliseconds until it has room for one more event; 0 if it has room now. */
export async function windowWaitsMs(tx: Tx, windows: readonly Window[], nowMs: number): Promise<number[]> {
  const limited = windows.filter(({ most }) => most !== Number.POSITIVE_INFINITY);
  const queries = limited.map(({ key, most, windowMs }) => ({ key, nth: most, sinceMs: nowMs - windowMs }));
  const times = queries.length > 0 ? await tx.nthNewestEvents(queries, nowMs) : [];
  return windows.map((window) => {
    const atMs = times[limited.indexOf(window)];
    return atMs === undefined ? 0 : atMs + window.windowMs - nowMs;
  });
}

/** Returns the milliseconds until all windows have room for one more event; 0 if they have room now. */
export async function longestWindowWaitMs(
  tx: Tx,
  windows: readonly Window[],
  nowMs: number,
): Promise<number> {
  return Math.max(0, ...(await windowWaitsMs(tx, windows, nowMs)));
}

/** Whole seconds, rounded up. */
export function inSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
