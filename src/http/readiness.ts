import { randomUUID } from 'node:crypto';
import type { Deps } from '../engine/deps.ts';
import { BOUNDS } from './bounds.ts';

/**
 * Returns a function that tells if the database takes a write within `readyMs`. All callers share one write, and a new one
 * starts no sooner than `readyEveryMs` after the last one.
 */
export function readiness(deps: Deps): () => Promise<boolean> {
  // A row for each process, so that no process waits for another one's.
  const key = `ready ${randomUUID()}`;
  let startedAtMs = Number.NEGATIVE_INFINITY;
  let isWriting = false;
  let isReady = Promise.resolve(false);

  async function write(): Promise<boolean> {
    isWriting = true;
    try {
      await deps.store.transact((tx) =>
        tx.setSharedValue(key, '', (tx.nowMs ?? deps.nowMs()) + BOUNDS.readyEveryMs),
      );
      return true;
    } catch {
      return false;
    } finally {
      isWriting = false;
    }
  }

  return () => {
    const nowMs = performance.now();
    if (!isWriting && nowMs - startedAtMs >= BOUNDS.readyEveryMs) {
      startedAtMs = nowMs;
      isReady = within(BOUNDS.readyMs, write());
    }
    return isReady;
  };
}

/** Returns what `result` settles to, or `false` after `ms`. */
function within(ms: number, result: Promise<boolean>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms, false);
    void result.then(resolve).finally(() => clearTimeout(timer));
  });
}
