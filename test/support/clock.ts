/** A clock that stands still until a test moves it. */
export interface FakeClock {
  nowMs(): number;
  advanceSeconds(seconds: number): void;
  advanceMinutes(minutes: number): void;
  advanceDays(days: number): void;
  /** As when somebody sets the machine's clock back. */
  setBackMinutes(minutes: number): void;
}

/** A clock that starts at a fixed moment. */
export function fakeClock(): FakeClock {
  let now = Date.UTC(2026, 0, 1);
  const advanceSeconds = (seconds: number) => {
    now += seconds * 1000;
  };
  return {
    nowMs: () => now,
    advanceSeconds,
    advanceMinutes: (minutes) => advanceSeconds(minutes * 60),
    advanceDays: (days) => advanceSeconds(days * 86_400),
    setBackMinutes: (minutes) => advanceSeconds(-minutes * 60),
  };
}
