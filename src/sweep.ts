import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { FIXED } from './policy.ts';
import type { Store } from './store.ts';

/** Each row is in a page of its own in most of its indexes, so that even these few make a turn of some milliseconds. */
const ROWS_A_TURN = 20;
/** A turn follows once the loop had nothing to do for so many times as long as the last one took. */
const IDLE_TIMES = 4;
/** A loop that is never idle is swept on all the same, after so many times as long. */
const REST_TIMES = 80;

/**
 * Deletes the rows whose time is over, a small transaction at a time, and rests after each so that requests keep the
 * loop, however many rows there are. No row asks whose it is: nobody's guards and codes live exactly as long as
 * somebody's. It stops early when the signal aborts.
 */
export async function sweep(store: Store, nowMs: number, signal?: AbortSignal): Promise<void> {
  const due = {
    nowMs,
    rowsChangedBeforeMs: nowMs - FIXED.rowLifetimeSeconds * 1000,
    sessionsMadeBeforeMs: nowMs - FIXED.sessionLifetimeSeconds * 1000,
    sessionsSeenBeforeMs: nowMs - FIXED.sessionIdleSeconds * 1000,
    eventsBeforeMs: nowMs - FIXED.eventLifetimeSeconds * 1000,
  };
  while (!signal?.aborted) {
    const turn = await store.transact(async (tx) => {
      const startMs = performance.now();
      return { swept: await tx.sweep(due, ROWS_A_TURN), tookMs: performance.now() - startMs };
    });
    if (turn.swept === 0) return;
    await rest(turn.tookMs, signal);
  }
}

async function rest(turnMs: number, signal?: AbortSignal): Promise<void> {
  const before = performance.eventLoopUtilization();
  const untilMs = performance.now() + REST_TIMES * turnMs;
  const isIdle = () => performance.eventLoopUtilization(before).idle >= IDLE_TIMES * turnMs;
  do {
    await setTimeout(turnMs, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  } while (!signal?.aborted && !isIdle() && performance.now() < untilMs);
}
