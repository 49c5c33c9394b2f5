/**
 * Why a message was definitely not sent, or did not arrive. `misconfigured` and `busy` are about us, the others about the
 * number, or may be: `undeliverable` says no more.
 */
export type FailureReason = 'bad_recipient' | 'opted_out' | 'undeliverable' | 'misconfigured' | 'busy';

/**
 * What became of one message: accepted, definitely not sent, or perhaps sent (a dropped connection, a deadline). A refusal
 * whose scope is the message says nothing of the next one, whatever its reason.
 */
export type SmsOutcome =
  | { kind: 'sent'; messageId: string }
  | { kind: 'refused'; reason: FailureReason; retryAfterSeconds?: number; scope?: 'message' }
  | { kind: 'unknown' };

/**
 * How far the device that asks for a message is trusted. `stranger`: the account does not know it. `known`: the account knows
 * it. `trusted`: known, and the account's phone has given a code, or the account has known a device for a day and no other
 * account has confirmed its number.
 */
export const TRUST_LEVELS = ['stranger', 'known', 'trusted'] as const;
export type TrustLevel = (typeof TRUST_LEVELS)[number];

/** The end of an accepted message, as far as it could be learnt. */
export type DeliveryResult =
  | { kind: 'delivered' }
  | { kind: 'failed'; reason: FailureReason }
  | { kind: 'unknown' };

/** What a message of a trust can expect at this moment; it never depends on a number. `failing`: messages fail for everybody. */
export type SmsAvailability =
  | { kind: 'clear' }
  | { kind: 'full'; retryAfterSeconds: number }
  | { kind: 'failing'; retryAfterSeconds: number };

/** What sends text messages. */
export interface SmsSender {
  /** Sends `text` to the E.164 number `to`, once: it never retries by itself, always settles, and never rejects. */
  send(to: string, text: string): Promise<SmsOutcome>;
  /**
   * For a message that must not leave: costs this process's loop what `send` would, takes as long, and answers what it
   * would but for what depends on the number. A sender whose cost tells nothing has none.
   */
  sendDecoy?(to: string, text: string): Promise<SmsOutcome>;
  /** Follows a message that was `sent` to its end: always settles, in minutes at the most, and never rejects. A sender that can't tell has none. */
  trackDelivery?(messageId: string): Promise<DeliveryResult>;
  /** Whether messages to anybody seem to go again, found out without one. A sender that can't tell has none. */
  isReady?(): Promise<boolean>;
}

/** The port through which the engine's messages leave: a sender, or a queue before one that looks at who asked. */
export interface SmsPort extends Pick<SmsSender, 'trackDelivery'> {
  send(to: string, text: string, trust: TrustLevel): Promise<SmsOutcome>;
  sendDecoy?(to: string, text: string, trust: TrustLevel): Promise<SmsOutcome>;
}
