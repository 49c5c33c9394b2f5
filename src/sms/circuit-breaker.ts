import type { SmsOutcome, SmsSender } from '../sms.ts';
import type { Clock } from './clock.ts';
import { type Outage, type OutageLine, startOutage } from './outage.ts';

/** The cooldown and the log of a circuit breaker. */
export interface BreakerOptions {
  /** Seconds without sending after a failure, unless the provider asks for more; 30 by default. */
  cooldownSeconds?: number;
  log?: (line: OutageLine) => void;
}

/** A sender behind a circuit breaker. While it is open, messages are refused as `busy` without a call to the sender. */
export interface CircuitBreaker extends Required<Pick<SmsSender, 'send' | 'sendDecoy'>> {
  /** Returns whether messages are refused at this moment. */
  isOpen(): boolean;
  /** Returns the whole seconds to wait during an outage, probes included; undefined if there is no outage. */
  retryAfterSeconds(): number | undefined;
  /** Stops asking the sender whether it is ready. */
  close(): void;
}

/** An outage begins if the outcome is unknown for this many different numbers in a row. */
const MAX_UNKNOWN_NUMBERS = 3;

/**
 * Puts a circuit breaker before the sender. It opens on failures that don't depend on the number. After the cooldown it
 * asks the sender whether it is ready. If the sender can't tell, the next message is sent as a probe.
 */
export function createCircuitBreaker(
  sender: SmsSender,
  { cooldownSeconds = 30, log = () => undefined }: BreakerOptions,
  clock: Clock,
): CircuitBreaker {
  const closing = new AbortController();
  const unknownNumbers = new Set<string>();
  /** Both are undefined if there is no outage. */
  let cooldown: { seconds: number; untilMs: number } | undefined;
  let outage: Outage | undefined;
  let isAsking = false;
  let isProbing = false;

  function isOpen(): boolean {
    return cooldown !== undefined && (isAsking || isProbing || clock.nowMs() < cooldown.untilMs);
  }

  function retryAfterSeconds(): number | undefined {
    if (cooldown === undefined) return undefined;
    // The remaining time would tell whether a probe was just sent.
    if (!isAsking) return cooldown.seconds;
    return Math.max(1, Math.ceil((cooldown.untilMs - clock.nowMs()) / 1000));
  }

  function learn(to: string, outcome: SmsOutcome): void {
    if (outcome.kind === 'unknown') unknownNumbers.add(to);
    else unknownNumbers.clear();
    if (isOutage(outcome)) open(to, outcome);
    else if (outcome.kind !== 'unknown') reset();
  }

  /** Returns whether the next message to any number would fail too. */
  function isOutage(outcome: SmsOutcome): boolean {
    switch (outcome.kind) {
      case 'sent':
        return false;
      case 'unknown':
        return cooldown !== undefined || unknownNumbers.size >= MAX_UNKNOWN_NUMBERS;
      case 'refused':
        return outcome.scope !== 'message' && ['misconfigured', 'busy'].includes(outcome.reason);
    }
  }

  function open(to: string, outcome: SmsOutcome): void {
    coolDown(outcome.kind === 'refused' ? outcome.retryAfterSeconds : undefined);
    outage?.learn(outcome);
    // It may have asked before the outage began.
    outage?.addUser(to);
    if (outage !== undefined) return;
    outage = startOutage(outcome, [to, ...unknownNumbers], log, clock);
    if (!isAsking) void askUntilReady();
  }

  function coolDown(seconds = 0): void {
    const longest = Math.max(seconds, cooldownSeconds);
    cooldown = { seconds: longest, untilMs: clock.nowMs() + longest * 1000 };
  }

  function reset(): void {
    outage?.end();
    outage = undefined;
    cooldown = undefined;
  }

  /**
   * Asks the sender after each cooldown, so that no message shows by its outcome whether it was sent. If the sender calls
   * itself ready right after the failure, it can't tell.
   */
  async function askUntilReady(): Promise<void> {
    if (sender.isReady === undefined) return;
    isAsking = true;
    const canTell = !(await sender.isReady());
    while (canTell && cooldown !== undefined && !closing.signal.aborted) {
      const waitMs = cooldown.untilMs - clock.nowMs();
      if (waitMs > 0) await clock.sleep(waitMs, closing.signal);
      else if (await sender.isReady()) reset();
      else coolDown();
    }
    isAsking = false;
  }

  function refusal(): SmsOutcome {
    const seconds = retryAfterSeconds();
    return { kind: 'refused', reason: 'busy', ...(seconds !== undefined && { retryAfterSeconds: seconds }) };
  }

  return {
    isOpen,
    retryAfterSeconds,
    async send(to, text) {
      outage?.addUser(to);
      if (isOpen()) return refusal();
      const isProbe = cooldown !== undefined;
      if (isProbe) isProbing = true;
      try {
        const outcome = await sender.send(to, text);
        learn(to, outcome);
        return outcome;
      } finally {
        if (isProbe) isProbing = false;
      }
    },
    async sendDecoy(to, text) {
      if (isOpen()) return refusal();
      // A decoy counts as sent. Otherwise the next failure would show that it was a decoy.
      if (cooldown === undefined) unknownNumbers.clear();
      return (await sender.sendDecoy?.(to, text)) ?? { kind: 'sent', messageId: '' };
    },
    close() {
      closing.abort();
      outage?.close();
    },
  };
}
