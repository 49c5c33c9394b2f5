import { setTimeout } from 'node:timers/promises';
import { CONSTANTS } from '../policy.ts';
import type { DueRows, Store, Tx } from '../store.ts';

/** Rows of each table that one transaction deletes: a few milliseconds of the event loop. */
const ROWS_A_TURN = 10;
/** A pause lasts this many times as long as the transaction before it, so that requests get the event loop. */
const PAUSE_FACTOR = 20;

/**
 * Deletes expired rows, `ROWS_A_TURN` of each table at a time. Rows of accounts and of decoys live equally long. Stops early
 * if the signal aborts.
 */
export async function cleanUp(store: Store, nowMs: number, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted) {
    const startMs = performance.now();
    const work = (tx: Tx) => tx.deleteDue(dueAt(tx.nowMs ?? nowMs), ROWS_A_TURN);
    const deleted = await store.transact(work, { isLasting: false });
    if (deleted === 0) return;
    const pauseMs = PAUSE_FACTOR * (performance.now() - startMs);
    await setTimeout(pauseMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  }
}

function dueAt(nowMs: number): DueRows {
  return {
    nowMs,
    rowsChangedBeforeMs: nowMs - CONSTANTS.rowLifetimeSeconds * 1000,
    // A session past its full lifetime isn't seen any more, so it expires by this too.
    sessionsSeenBeforeMs: nowMs - CONSTANTS.sessionIdleSeconds * 1000,
    eventsBeforeMs: nowMs - CONSTANTS.eventLifetimeSeconds * 1000,
  };
}
