import { setTimeout as timeout } from 'node:timers/promises';
import type { SmsAvailability, SmsOutcome, SmsPort, SmsSender, TrustLevel } from '../sms.ts';

/** How messages are paced, and when the sender is given a rest. */
export interface QueueOptions {
  /** The most messages that start within any minute. */
  perMinute: number;
  /** The most messages of one trust that wait for their turn; 20 unless given. */
  maxWaiting?: number;
  /** How long nothing is sent once messages fail for everybody, unless the provider says longer; 30 unless given. */
  restSeconds?: number;
  /** Told when messages begin to fail for everybody, and when they go again. */
  log?: (line: { event: 'messages_failing' | 'messages_going' }) => void;
  /** Milliseconds of a clock that only runs forward; `performance.now` unless given. */
  nowMs?: () => number;
  /** Settles after so many milliseconds, or at once when the signal aborts. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** A sender behind a queue, what it expects of the next message of a trust, and how to send away all that wait. */
export interface SmsQueue {
  readonly sms: SmsPort;
  availability(trust: TrustLevel): SmsAvailability;
  /** Refuses the messages that wait and those that come. */
  close(): void;
}

/** Numbers in a row whose messages have an unknown fate, after which messages are taken to fail for everybody. */
const UNKNOWN_IN_A_ROW = 3;
const MINUTE_MS = 60_000;

/**
 * Puts a bounded, paced queue and a breaker before a sender. Each trust has places of its own, and they take turns; a
 * message that must not leave takes place and turn as any other, so that nobody can tell. The breaker opens on failures
 * that do not depend on the number; then messages are refused without a call. After the rest the sender is asked whether
 * it is ready. Where it can't tell, the next message goes out as a probe.
 */
export function queuedSms(sender: SmsSender, options: QueueOptions): SmsQueue {
  const { perMinute, maxWaiting = 20, restSeconds = 30, log } = options;
  const { nowMs = () => performance.now(), sleep = sleepUnlessAborted } = options;
  const closing = new AbortController();
  /** When the newest messages started: as many as fit a minute. */
  const startsMs: number[] = [];
  /** The messages that wait; the trust that was served last stands last. */
  const lines = new Map<TrustLevel, (() => void)[]>(
    (['stranger', 'known', 'trusted'] as const).map((trust) => [trust, []]),
  );
  let isServing = false;
  const unknownInARow = new Set<string>();
  let restUntilMs: number | undefined;
  let restLengthSeconds = restSeconds;
  let isAsking = false;
  let isProbing = false;

  function availability(trust: TrustLevel): SmsAvailability {
    if (restUntilMs !== undefined) return { kind: 'failing', retryAfterSeconds: restLeft(restUntilMs) };
    if (!isFull(trust)) return { kind: 'clear' };
    return { kind: 'full', retryAfterSeconds: secondsUntil(nextStartMs()) };
  }

  /** The whole rest where a message has to end it: what is left would tell whether one has just tried. */
  function restLeft(untilMs: number): number {
    return isAsking ? secondsUntil(untilMs) : restLengthSeconds;
  }

  /** Whole seconds, and one at the least. */
  function secondsUntil(ms: number): number {
    return Math.max(1, Math.ceil((ms - nowMs()) / 1000));
  }

  function isFull(trust: TrustLevel): boolean {
    return (lines.get(trust)?.length ?? 0) >= maxWaiting;
  }

  function isResting(): boolean {
    return restUntilMs !== undefined && (isAsking || isProbing || nowMs() < restUntilMs);
  }

  function isRefused(): boolean {
    return isResting() || closing.signal.aborted;
  }

  function nextStartMs(): number {
    const [oldest] = startsMs;
    return oldest === undefined || startsMs.length < perMinute ? nowMs() : oldest + MINUTE_MS;
  }

  function start(): void {
    if (startsMs.length >= perMinute) startsMs.shift();
    startsMs.push(nowMs());
  }

  /** Settles when it is this message's turn, in the order of asking among those of its trust. */
  async function turn(trust: TrustLevel): Promise<void> {
    if (!isServing && nextStartMs() <= nowMs()) return start();
    const served = new Promise<void>((resolve) => void lines.get(trust)?.push(resolve));
    if (!isServing) void serve();
    return served;
  }

  /** Lets the messages that wait start, a trust at a time, until none is left; all at once where the queue is closed. */
  async function serve(): Promise<void> {
    isServing = true;
    while ([...lines.values()].some((line) => line.length > 0)) {
      if (nextStartMs() <= nowMs() || closing.signal.aborted) serveNext();
      else await sleep(nextStartMs() - nowMs(), closing.signal);
    }
    isServing = false;
  }

  function serveNext(): void {
    for (const [trust, line] of lines) {
      const next = line.shift();
      if (next === undefined) continue;
      lines.delete(trust);
      lines.set(trust, line);
      start();
      next();
      return;
    }
  }

  function learn(to: string, outcome: SmsOutcome): void {
    if (outcome.kind === 'unknown') unknownInARow.add(to);
    else unknownInARow.clear();
    const isLost =
      outcome.kind === 'unknown' && (restUntilMs !== undefined || unknownInARow.size >= UNKNOWN_IN_A_ROW);
    if (isAboutUs(outcome) || isLost) fail(outcome);
    else if (outcome.kind !== 'unknown') go();
  }

  function fail(outcome: SmsOutcome): void {
    const isNew = restUntilMs === undefined;
    if (isNew) log?.({ event: 'messages_failing' });
    restFor((outcome.kind === 'refused' && outcome.retryAfterSeconds) || 0);
    if (isNew && !isAsking) void askUntilReady();
  }

  function restFor(seconds: number): void {
    restLengthSeconds = Math.max(seconds, restSeconds);
    restUntilMs = nowMs() + restLengthSeconds * 1000;
  }

  function go(): void {
    if (restUntilMs !== undefined) log?.({ event: 'messages_going' });
    restUntilMs = undefined;
  }

  /**
   * Asks the sender after each rest whether it is ready, until it is: no message shows by its end whether it left. One
   * that calls itself ready now, while messages fail, can't tell: there a message has to.
   */
  async function askUntilReady(): Promise<void> {
    if (sender.isReady === undefined) return;
    isAsking = true;
    if (!(await sender.isReady())) {
      while (restUntilMs !== undefined && !closing.signal.aborted) {
        if (nowMs() < restUntilMs) await sleep(restUntilMs - nowMs(), closing.signal);
        else if (await sender.isReady()) go();
        else restFor(0);
      }
    }
    isAsking = false;
  }

  async function pass(trust: TrustLevel, leave: () => Promise<SmsOutcome>): Promise<SmsOutcome> {
    if (isRefused() || isFull(trust)) return refused(trust);
    await turn(trust);
    return isRefused() ? refused(trust) : leave();
  }

  async function leave(to: string, text: string): Promise<SmsOutcome> {
    const isProbe = restUntilMs !== undefined;
    if (isProbe) isProbing = true;
    const outcome = await sender.send(to, text);
    if (isProbe) isProbing = false;
    learn(to, outcome);
    return outcome;
  }

  /** Counts as one that was sent: else whoever sees the breaker open after it would know that it was not. */
  async function stay(to: string, text: string): Promise<SmsOutcome> {
    if (restUntilMs === undefined) unknownInARow.clear();
    return (await sender.sendDecoy?.(to, text)) ?? { kind: 'sent', messageId: '' };
  }

  function refused(trust: TrustLevel): SmsOutcome {
    const expected = availability(trust);
    if (expected.kind === 'clear') return { kind: 'refused', reason: 'busy' };
    return { kind: 'refused', reason: 'busy', retryAfterSeconds: expected.retryAfterSeconds };
  }

  const { trackDelivery } = sender;
  return {
    sms: {
      send: (to, text, trust) => pass(trust, () => leave(to, text)),
      sendDecoy: (to, text, trust) => pass(trust, () => stay(to, text)),
      ...(trackDelivery && { trackDelivery }),
    },
    availability,
    close: () => closing.abort(),
  };
}

/** Whether the next message to anybody can be expected to be refused as well. */
function isAboutUs(outcome: SmsOutcome): boolean {
  if (outcome.kind !== 'refused' || outcome.scope === 'message') return false;
  return outcome.reason === 'misconfigured' || outcome.reason === 'busy';
}

async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  await timeout(ms, undefined, { signal }).catch(() => undefined);
}
