import { TRUST_LEVELS, type TrustLevel } from '../sms.ts';
import type { Clock } from './clock.ts';

/** The pace and the bound of a pacer. */
export interface PacerOptions {
  /** The maximum number of messages that start within any 60 seconds. */
  perMinute: number;
  /** The maximum number of waiting messages per trust level; 20 by default. */
  maxWaiting?: number;
  /** The pace of all processes together. Without it, this process is alone. */
  sharedPace?: SharedPace;
}

/** The pace of messages that all processes on one database share. */
export interface SharedPace {
  /**
   * Takes up to `most` of the starts that are free now. If it takes fewer, the next one is free in `waitMs`. Throws if the
   * database does not answer.
   */
  take(most: number): Promise<{ taken: number; waitMs: number }>;
}

/** A bounded queue. Each trust level has places of its own, and the trust levels take turns. */
export interface Pacer {
  /** Waits for the message's turn. Returns false if no place is free, the database is away, or the pacer is closed. */
  turn(trust: TrustLevel): Promise<boolean>;
  /** Returns whether all places of the trust level are taken. */
  isFull(trust: TrustLevel): boolean;
  /** Returns the whole seconds until the next message can start, at least 1. */
  retryAfterSeconds(): number;
  /** Ends all waiting turns with false. */
  close(): void;
}

const MINUTE_MS = 60_000;
/** The pause before the next question to a database that does not answer. */
const RETRY_MS = 1000;
/** A database that does not answer for this long refuses the waiting messages. Their users ask again. */
const GIVE_UP_MS = 60_000;
const ALONE: SharedPace = { take: async (most) => ({ taken: most, waitMs: 0 }) };

/** Creates a pacer. Messages of one trust level start in the order in which they asked. */
export function createPacer(
  { perMinute, maxWaiting = 20, sharedPace = ALONE }: PacerOptions,
  clock: Clock,
): Pacer {
  const closing = new AbortController();
  const startsMs: number[] = [];
  /** The trust level that was served last comes last. */
  const queues = new Map(
    TRUST_LEVELS.map((trust): [TrustLevel, ((isStarting: boolean) => void)[]] => [trust, []]),
  );
  let isServing = false;
  /** Until then, all processes together have used up the pace. */
  let sharedUntilMs = Number.NEGATIVE_INFINITY;
  let awaySinceMs: number | undefined;

  const waiting = () => [...queues.values()].reduce((sum, queue) => sum + queue.length, 0);

  /** Returns the time from which on the next message may start. It may be long ago. */
  function nextStartMs(): number {
    const [oldest = 0] = startsMs;
    return startsMs.length < perMinute ? sharedUntilMs : Math.max(sharedUntilMs, oldest + MINUTE_MS);
  }

  /** Returns the number of messages that this process may start at once. */
  function room(): number {
    const nowMs = clock.nowMs();
    while (startsMs[0] !== undefined && startsMs[0] + MINUTE_MS <= nowMs) startsMs.shift();
    return nextStartMs() > nowMs ? 0 : perMinute - startsMs.length;
  }

  /** A message that is about to start takes no place. */
  function isFull(trust: TrustLevel): boolean {
    const own = queues.get(trust)?.length ?? 0;
    return own >= maxWaiting + Math.max(0, room() - (waiting() - own));
  }

  async function turn(trust: TrustLevel): Promise<boolean> {
    if (isFull(trust) || closing.signal.aborted) return false;
    const served = new Promise<boolean>((resolve) => void queues.get(trust)?.push(resolve));
    if (!isServing) void serve();
    return (await served) && !closing.signal.aborted;
  }

  async function serve(): Promise<void> {
    isServing = true;
    while (waiting() > 0) {
      const most = Math.min(waiting(), room());
      if (closing.signal.aborted) endTurns(waiting(), false);
      else if (most > 0) await startUpTo(most);
      else await clock.sleep(nextStartMs() - clock.nowMs(), closing.signal);
    }
    isServing = false;
  }

  async function startUpTo(most: number): Promise<void> {
    try {
      const { taken, waitMs } = await sharedPace.take(most);
      awaySinceMs = undefined;
      startsMs.push(...Array<number>(taken).fill(clock.nowMs()));
      endTurns(taken, true);
      if (taken < most) sharedUntilMs = clock.nowMs() + waitMs;
    } catch {
      awaySinceMs ??= clock.nowMs();
      sharedUntilMs = clock.nowMs() + RETRY_MS;
      if (clock.nowMs() - awaySinceMs >= GIVE_UP_MS) endTurns(waiting(), false);
    }
  }

  function endTurns(count: number, isStarting: boolean): void {
    for (let ended = 0; ended < count; ended += 1) {
      const [trust, queue = []] = [...queues].find(([, waiters]) => waiters.length > 0) ?? [];
      if (trust === undefined) return;
      queues.delete(trust);
      queues.set(trust, queue);
      queue.shift()?.(isStarting);
    }
  }

  return {
    turn,
    isFull,
    retryAfterSeconds: () => Math.max(1, Math.ceil((nextStartMs() - clock.nowMs()) / 1000)),
    close: () => closing.abort(),
  };
}
