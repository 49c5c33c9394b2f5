import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { FIXED } from './policy.ts';
import type { Store } from './store.ts';

/** Each row is in a page of its own in some of its indexes, so that even these few make a turn of some milliseconds. */
const ROWS_A_TURN = 10;
/** After each turn it rests so many times as long as that took, and again until the loop had nothing to do for half of it. */
const REST_TIMES = 10;
/** A loop that is never idle is swept on all the same, after so many rests. */
const MOST_RESTS = 8;

/**
 * Deletes the rows whose time is over, a small transaction at a time, and rests after each so that requests keep the
 * loop, however many rows there are. No row asks whose it is: nobody's guards and codes live exactly as long as
 * somebody's. It stops early when the signal aborts.
 */
export async function sweep(store: Store, nowMs: number, signal?: AbortSignal): Promise<void> {
  const due = {
    nowMs,
    rowsChangedBeforeMs: nowMs - FIXED.rowLifetimeSeconds * 1000,
    // One that has lived too long is not seen any more, and so goes by this too.
    sessionsSeenBeforeMs: nowMs - FIXED.sessionIdleSeconds * 1000,
    eventsBeforeMs: nowMs - FIXED.eventLifetimeSeconds * 1000,
  };
  while (!signal?.aborted) {
    const turn = await store.transact(
      async (tx) => {
        const startMs = performance.now();
        return { swept: await tx.sweep(due, ROWS_A_TURN), tookMs: performance.now() - startMs };
      },
      { isLasting: false },
    );
    if (turn.swept === 0) return;
    await rest(turn.tookMs, signal);
  }
}

/** It looks at the loop a few times only: each look wakes it, and a loop that is woken more often shares fewer commits. */
async function rest(turnMs: number, signal?: AbortSignal): Promise<void> {
  const before = performance.eventLoopUtilization();
  const restMs = REST_TIMES * turnMs;
  for (let rests = 0; rests < MOST_RESTS && !signal?.aborted; rests += 1) {
    await setTimeout(restMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
    if (performance.eventLoopUtilization(before).idle >= restMs / 2) return;
  }
}
