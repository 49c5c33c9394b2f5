import { FIXED } from './policy.ts';
import type { Store } from './store.ts';

const ROWS_A_TURN = 40;

/**
 * Deletes the rows whose time is over, a small transaction at a time so that requests go on between two of them.
 * No row asks whose it is: nobody's guards and codes live exactly as long as somebody's. It stops early when the signal
 * aborts.
 */
export async function sweep(store: Store, nowMs: number, signal?: AbortSignal): Promise<void> {
  const due = {
    nowMs,
    rowsChangedBeforeMs: nowMs - FIXED.rowLifetimeSeconds * 1000,
    sessionsMadeBeforeMs: nowMs - FIXED.sessionLifetimeSeconds * 1000,
    sessionsSeenBeforeMs: nowMs - FIXED.sessionIdleSeconds * 1000,
    eventsBeforeMs: nowMs - FIXED.eventLifetimeSeconds * 1000,
  };
  while (!signal?.aborted && (await store.transact((tx) => tx.sweep(due, ROWS_A_TURN))) > 0);
}
