import type { SmsAvailability, SmsOutcome, SmsPort, SmsSender, TrustLevel } from '../sms.ts';
import { type BreakerOptions, createCircuitBreaker } from './circuit-breaker.ts';
import { systemClock } from './clock.ts';
import { createPacer, type PacerOptions } from './pacer.ts';

/** The engine's port to a sender with a pace and a circuit breaker. */
export interface PacedSms {
  readonly sms: SmsPort;
  /** Returns what the next message of the trust level can expect. It never depends on a number. */
  availability(trust: TrustLevel): SmsAvailability;
  /** Refuses all waiting and all later messages. */
  close(): void;
}

/** Puts a pacer and a circuit breaker before the sender. A decoy takes a place and a turn like any message. */
export function createSmsPort(
  sender: SmsSender,
  options: PacerOptions & BreakerOptions,
  clock = systemClock,
): PacedSms {
  const pacer = createPacer(options, clock);
  const breaker = createCircuitBreaker(sender, options, clock);
  const { trackDelivery } = sender;

  function availability(trust: TrustLevel): SmsAvailability {
    const retryAfterSeconds = breaker.retryAfterSeconds();
    if (retryAfterSeconds !== undefined) return { kind: 'failing', retryAfterSeconds };
    if (!pacer.isFull(trust)) return { kind: 'clear' };
    return { kind: 'full', retryAfterSeconds: pacer.retryAfterSeconds() };
  }

  async function paced(trust: TrustLevel, send: () => Promise<SmsOutcome>): Promise<SmsOutcome> {
    // While it is open, the breaker refuses the message itself.
    if (!breaker.isOpen() && !(await pacer.turn(trust))) return refusal(trust);
    return send();
  }

  function refusal(trust: TrustLevel): SmsOutcome {
    const { kind, ...retry } = availability(trust);
    return { kind: 'refused', reason: 'busy', ...retry };
  }

  return {
    sms: {
      send: (to, text, trust) => paced(trust, () => breaker.send(to, text)),
      sendDecoy: (to, text, trust) => paced(trust, () => breaker.sendDecoy(to, text)),
      ...(trackDelivery && { trackDelivery }),
    },
    availability,
    close() {
      pacer.close();
      breaker.close();
    },
  };
}
