import type { SharedPace } from '../sms/pacer.ts';
import type { Store, Tx } from '../store.ts';

const KEY = 'message start';
const MINUTE_MS = 60_000;
/** Starts that one transaction takes, so that it stays short. */
const MAX_TAKEN = 20;

/** Returns the pace of `perMinute` messages within any 60 seconds, counted in the database. */
export function sharedPace(store: Store, perMinute: number, nowMs: () => number = Date.now): SharedPace {
  async function work(tx: Tx, most: number): Promise<{ taken: number; waitMs: number }> {
    const now = tx.nowMs ?? nowMs();
    // There is room for the nth start if the start `perMinute` places before it is over a minute old.
    const asked = Array.from({ length: most }, (_, index) => perMinute - index).filter((nth) => nth > 0);
    const queries = asked.map((nth) => ({ key: KEY, nth, sinceMs: now - MINUTE_MS }));
    const times = await tx.nthNewestEvents(queries, now);
    const blockedBy = times.findIndex((atMs) => atMs !== undefined);
    const taken = blockedBy === -1 ? times.length : blockedBy;
    for (let count = 0; count < taken; count += 1) await tx.countEvent([KEY], now);
    return { taken, waitMs: Math.max(0, (times[blockedBy] ?? 0) + MINUTE_MS - now) };
  }

  return {
    // After a power failure there are no waiting messages, so the count may be lost.
    take: (most) => store.transact((tx) => work(tx, Math.min(most, MAX_TAKEN)), { isLasting: false }),
  };
}
