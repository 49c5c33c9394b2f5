import { setTimeout as timeout } from 'node:timers/promises';
import type { SmsOutcome, SmsOutlook, SmsSender } from '../sms.ts';

/** How messages are paced, and when the sender is given a rest. */
export interface QueueOptions {
  /** The most messages that start within any minute. */
  perMinute: number;
  /** The most messages that wait for their turn; 20 unless given. */
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

/** A sender behind a queue, what it expects of the next message, and how to send away all that wait. */
export interface SmsQueue {
  readonly sms: SmsSender;
  outlook(): SmsOutlook;
  /** Refuses the messages that wait and those that come. */
  close(): void;
}

/** Messages in a row whose fate is unknown, after which they are taken to fail for everybody. */
const UNKNOWN_IN_A_ROW = 3;
const MINUTE_MS = 60_000;

/**
 * Puts a bounded, paced queue and a breaker before a sender. The breaker opens on failures that do not depend on the
 * number; then messages are refused without a call, until one that comes after the rest goes out as a probe.
 */
export function queuedSms(sender: SmsSender, options: QueueOptions): SmsQueue {
  const { perMinute, maxWaiting = 20, restSeconds = 30, log } = options;
  const { nowMs = () => performance.now(), sleep = sleepUnlessAborted } = options;
  const closing = new AbortController();
  /** When the newest messages started or will start: as many as fit a minute. */
  const startsMs: number[] = [];
  let waiting = 0;
  let unknownInARow = 0;
  let restUntilMs: number | undefined;
  let isProbing = false;

  function outlook(): SmsOutlook {
    if (restUntilMs !== undefined) return { kind: 'failing', retryAfterSeconds: secondsUntil(restUntilMs) };
    if (waiting < maxWaiting) return { kind: 'clear' };
    return { kind: 'full', retryAfterSeconds: secondsUntil(startsMs.find((ms) => ms > nowMs()) ?? 0) };
  }

  /** Whole seconds, and one at the least. */
  function secondsUntil(ms: number): number {
    return Math.max(1, Math.ceil((ms - nowMs()) / 1000));
  }

  function isResting(): boolean {
    return restUntilMs !== undefined && (isProbing || nowMs() < restUntilMs);
  }

  /** Settles when it is this message's turn, in the order of asking. */
  async function turn(): Promise<void> {
    const full = startsMs.length < perMinute ? undefined : startsMs.shift();
    const startMs = Math.max(nowMs(), full === undefined ? 0 : full + MINUTE_MS);
    startsMs.push(startMs);
    if (startMs <= nowMs()) return;
    waiting += 1;
    await sleep(startMs - nowMs(), closing.signal);
    waiting -= 1;
  }

  function learn(outcome: SmsOutcome): void {
    const wasFailing = restUntilMs !== undefined;
    unknownInARow = outcome.kind === 'unknown' ? unknownInARow + 1 : 0;
    const isAboutUs = outcome.kind === 'refused' && ['misconfigured', 'busy'].includes(outcome.reason);
    const isLost = outcome.kind === 'unknown' && (wasFailing || unknownInARow >= UNKNOWN_IN_A_ROW);
    if (isAboutUs || isLost) {
      const asked = outcome.kind === 'refused' ? (outcome.retryAfterSeconds ?? 0) : 0;
      restUntilMs = nowMs() + Math.max(asked, restSeconds) * 1000;
      if (!wasFailing) log?.({ event: 'messages_failing' });
    } else if (outcome.kind !== 'unknown') {
      restUntilMs = undefined;
      if (wasFailing) log?.({ event: 'messages_going' });
    }
  }

  async function send(to: string, text: string): Promise<SmsOutcome> {
    if (isResting() || closing.signal.aborted || waiting >= maxWaiting) return refused();
    await turn();
    if (isResting() || closing.signal.aborted) return refused();

    const isProbe = restUntilMs !== undefined;
    if (isProbe) isProbing = true;
    const outcome = await sender.send(to, text);
    if (isProbe) isProbing = false;
    learn(outcome);
    return outcome;
  }

  /** Takes no turn, since nothing leaves. */
  async function skip(to: string, text: string): Promise<SmsOutcome> {
    if (isResting() || closing.signal.aborted || waiting >= maxWaiting) return refused();
    return (await sender.skip?.(to, text)) ?? { kind: 'sent', messageId: '' };
  }

  function refused(): SmsOutcome {
    const expected = outlook();
    if (expected.kind === 'clear') return { kind: 'refused', reason: 'busy' };
    return { kind: 'refused', reason: 'busy', retryAfterSeconds: expected.retryAfterSeconds };
  }

  const { follow } = sender;
  return { sms: { send, skip, ...(follow && { follow }) }, outlook, close: () => closing.abort() };
}

async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  await timeout(ms, undefined, { signal }).catch(() => undefined);
}
