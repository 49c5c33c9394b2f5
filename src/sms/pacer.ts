import { TRUST_LEVELS, type TrustLevel } from '../sms.ts';
import type { Clock } from './clock.ts';

/** The pace and the bound of a pacer. */
export interface PacerOptions {
  /** The maximum number of messages that start within any 60 seconds. */
  perMinute: number;
  /** The maximum number of waiting messages per trust level; 20 by default. */
  maxWaiting?: number;
}

/** A bounded queue. Each trust level has places of its own, and the trust levels take turns. */
export interface Pacer {
  /** Waits for the message's turn. Returns false if no place is free or the pacer is closed. */
  turn(trust: TrustLevel): Promise<boolean>;
  /** Returns whether all places of the trust level are taken. */
  isFull(trust: TrustLevel): boolean;
  /** Returns the whole seconds until the next message can start, at least 1. */
  retryAfterSeconds(): number;
  /** Ends all waiting turns with false. */
  close(): void;
}

const MINUTE_MS = 60_000;

/** Creates a pacer. Messages of one trust level start in the order in which they asked. */
export function createPacer({ perMinute, maxWaiting = 20 }: PacerOptions, clock: Clock): Pacer {
  const closing = new AbortController();
  const startsMs: number[] = [];
  /** The trust level that was served last comes last. */
  const queues = new Map(TRUST_LEVELS.map((trust): [TrustLevel, (() => void)[]] => [trust, []]));
  let isServing = false;

  function isFull(trust: TrustLevel): boolean {
    return (queues.get(trust)?.length ?? 0) >= maxWaiting;
  }

  function nextStartMs(): number {
    const [oldest] = startsMs;
    return oldest === undefined || startsMs.length < perMinute ? clock.nowMs() : oldest + MINUTE_MS;
  }

  function start(): void {
    if (startsMs.length >= perMinute) startsMs.shift();
    startsMs.push(clock.nowMs());
  }

  async function turn(trust: TrustLevel): Promise<boolean> {
    if (isFull(trust) || closing.signal.aborted) return false;
    if (!isServing && nextStartMs() <= clock.nowMs()) {
      start();
      return true;
    }
    const served = new Promise<void>((resolve) => void queues.get(trust)?.push(resolve));
    if (!isServing) void serve();
    await served;
    return !closing.signal.aborted;
  }

  async function serve(): Promise<void> {
    isServing = true;
    while ([...queues.values()].some((queue) => queue.length > 0)) {
      if (nextStartMs() <= clock.nowMs() || closing.signal.aborted) serveNext();
      else await clock.sleep(nextStartMs() - clock.nowMs(), closing.signal);
    }
    isServing = false;
  }

  function serveNext(): void {
    for (const [trust, queue] of queues) {
      const next = queue.shift();
      if (next === undefined) continue;
      queues.delete(trust);
      queues.set(trust, queue);
      start();
      next();
      return;
    }
  }

  return {
    turn,
    isFull,
    retryAfterSeconds: () => Math.max(1, Math.ceil((nextStartMs() - clock.nowMs()) / 1000)),
    close: () => closing.abort(),
  };
}
