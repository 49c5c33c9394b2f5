/** A clock that only a test moves. */
export interface FakeClock {
  nowMs(): number;
  advanceSeconds(seconds: number): void;
  advanceMinutes(minutes: number): void;
  advanceDays(days: number): void;
  /** Sets the clock back, as an operator can. */
  setBackMinutes(minutes: number): void;
  /** Resolves when a test has moved the clock by `ms`, or when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Creates a clock that starts at a fixed time. */
export function fakeClock(): FakeClock {
  let now = Date.UTC(2026, 0, 1);
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();
  const advanceSeconds = (seconds: number) => {
    now += seconds * 1000;
    for (const sleeper of sleepers) if (sleeper.untilMs <= now) sleeper.wake();
  };
  return {
    nowMs: () => now,
    advanceSeconds,
    advanceMinutes: (minutes) => advanceSeconds(minutes * 60),
    advanceDays: (days) => advanceSeconds(days * 86_400),
    setBackMinutes: (minutes) => advanceSeconds(-minutes * 60),
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const wake = () => {
          sleepers.delete(sleeper);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleeper = { untilMs: now + ms, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake);
      }),
  };
}
