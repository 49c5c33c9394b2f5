import { setTimeout } from 'node:timers/promises';
import { CONSTANTS } from '../policy.ts';
import type { DueRows, Store, Tx } from '../store.ts';

/** A pause lasts this many times as long as the transaction before it, so that requests get the event loop. */
const PAUSE_FACTOR = 20;

/**
 * Deletes expired rows, `rowsATurn` of each table at a time. Rows of accounts and of decoys live equally long. Stops early
 * if the signal aborts.
 */
export async function cleanUp(
  store: Store,
  nowMs: number,
  signal?: AbortSignal,
  rowsATurn = 10,
): Promise<void> {
  while (!signal?.aborted) {
    const startMs = performance.now();
    const work = (tx: Tx) => tx.deleteDue(dueAt(tx.nowMs ?? nowMs), rowsATurn);
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
