import { setTimeout } from 'node:timers/promises';

/** A monotonic clock with a timer. Tests bring their own. */
export interface Clock {
  /** Returns milliseconds since an arbitrary start. */
  nowMs(): number;
  /** Settles after `ms` milliseconds, or as soon as the signal aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of this process. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) => setTimeout(ms, undefined, signal && { signal }).catch(() => undefined),
};
