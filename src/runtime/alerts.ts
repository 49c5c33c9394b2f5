import type { Alert } from '../engine/deps.ts';

const QUIET_MS = 10 * 60_000;

/** Logs each kind of alert at once, and then at most every ten minutes. `times`: how often it was seen since. */
export function throttledAlerts(
  log: (line: Alert & { times: number }) => void,
  nowMs: () => number,
): (alert: Alert) => void {
  const kinds = new Map<string, { toldAtMs: number; times: number }>();
  return (alert) => {
    const kind = JSON.stringify(alert);
    const before = kinds.get(kind);
    const times = (before?.times ?? 0) + 1;
    if (before !== undefined && nowMs() < before.toldAtMs + QUIET_MS) {
      kinds.set(kind, { ...before, times });
      return;
    }
    kinds.set(kind, { toldAtMs: nowMs(), times: 0 });
    log({ ...alert, times });
  };
}
