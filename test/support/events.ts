import type { Tx } from '../../src/store.ts';

/** Returns the time of the key's `nth` newest event, if that is after `sinceMs` and not after `nowMs`. */
export async function nthNewestEvent(tx: Tx, key: string, nth: number, sinceMs: number, nowMs: number) {
  const [atMs] = await tx.nthNewestEvents([{ key, nth, sinceMs }], nowMs);
  return atMs;
}
