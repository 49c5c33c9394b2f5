/** Why a message was definitely not sent. `bad_recipient` and `opted_out` are about the number, the others about us. */
export type RefusalReason = 'bad_recipient' | 'opted_out' | 'misconfigured' | 'busy';

/** What became of one message: accepted, definitely not sent, or perhaps sent (a dropped connection, a deadline). */
export type SmsOutcome =
  | { kind: 'sent'; messageId: string }
  | { kind: 'refused'; reason: RefusalReason; retryAfterSeconds?: number }
  | { kind: 'unknown' };

/** Why an accepted message did not arrive; `undeliverable` where the network says no more than that. */
export type FailureReason = RefusalReason | 'undeliverable';

/** The end of an accepted message, as far as it could be learnt. */
export type SmsFate = { kind: 'delivered' } | { kind: 'failed'; reason: FailureReason } | { kind: 'unknown' };

/** What a message to anybody can expect at this moment; it never depends on a number. `failing`: messages fail for everybody. */
export type SmsOutlook =
  | { kind: 'clear' }
  | { kind: 'full'; retryAfterSeconds: number }
  | { kind: 'failing'; retryAfterSeconds: number };

/** The port through which text messages leave. */
export interface SmsSender {
  /** Sends `text` to the E.164 number `to`, once: it never retries by itself, always settles, and never rejects. */
  send(to: string, text: string): Promise<SmsOutcome>;
  /**
   * For a message that must not leave: costs this process's loop what `send` would, takes as long, and answers what it
   * would but for what depends on the number. A sender whose cost tells nothing has none.
   */
  skip?(to: string, text: string): Promise<SmsOutcome>;
  /** Follows a message that was `sent` to its end: always settles, in minutes at the most, and never rejects. A sender that can't tell has none. */
  follow?(messageId: string): Promise<SmsFate>;
}
