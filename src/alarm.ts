import type { Alarm } from './ports.ts';

const QUIET_MS = 10 * 60_000;

/** Tells `log` of each kind of alarm at once, and then at most every ten minutes, with how often it was seen since. */
export function quietAlarm(
  log: (line: Alarm & { times: number }) => void,
  nowMs: () => number,
): (alarm: Alarm) => void {
  const kinds = new Map<string, { toldAtMs: number; times: number }>();
  return (alarm) => {
    const kind = JSON.stringify(alarm);
    const before = kinds.get(kind);
    const times = (before?.times ?? 0) + 1;
    if (before !== undefined && nowMs() < before.toldAtMs + QUIET_MS) {
      kinds.set(kind, { ...before, times });
      return;
    }
    kinds.set(kind, { toldAtMs: nowMs(), times: 0 });
    log({ ...alarm, times });
  };
}
