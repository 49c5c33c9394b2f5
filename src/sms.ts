/**
 * The reason why a message was not sent or not delivered. `misconfigured` and `busy` are about the sender, `bad_recipient`
 * and `opted_out` about the number. `undeliverable` may be either.
 */
export type FailureReason = 'bad_recipient' | 'opted_out' | 'undeliverable' | 'misconfigured' | 'busy';

/**
 * The facts of a call to the provider. `errorCode` is the provider's or the network's (`ECONNRESET`), `requestId` is the
 * provider's. `call` is set if a call before the message's own failed.
 */
export interface CallFacts {
  readonly call?: 'login';
  readonly status?: number | undefined;
  readonly errorCode?: string | undefined;
  readonly requestId?: string | undefined;
}

/**
 * The outcome of one message: accepted, certainly not sent, or unknown (a dropped connection, a deadline). A refusal with
 * the scope `message` says nothing about the next message, whatever its reason. Without `facts` there was no call.
 */
export type SmsOutcome = { readonly facts?: CallFacts } & (
  | { kind: 'sent'; messageId: string }
  | { kind: 'refused'; reason: FailureReason; retryAfterSeconds?: number; scope?: 'message' }
  | { kind: 'unknown' }
);

/**
 * The trust in the device that asks for a message. `stranger`: the account doesn't know the device. `known`: it does.
 * `trusted`: it does, and the account's phone has given a code, or it has known a device for a day.
 */
export const TRUST_LEVELS = ['stranger', 'known', 'trusted'] as const;
export type TrustLevel = (typeof TRUST_LEVELS)[number];

/** The delivery of an accepted message, as far as the sender could learn it. */
export type DeliveryResult = { readonly facts?: CallFacts } & (
  | { kind: 'delivered' }
  | { kind: 'failed'; reason: FailureReason }
  | { kind: 'unknown' }
);

/** The prospects of the next message, which never depend on a number. `failing`: messages to all numbers fail. */
export type SmsAvailability =
  | { kind: 'clear' }
  | { kind: 'full'; retryAfterSeconds: number }
  | { kind: 'failing'; retryAfterSeconds: number };

/** A sender of text messages. */
export interface SmsSender {
  /** Sends `text` to the E.164 number `to`, without retries. Always settles, and never rejects. */
  send(to: string, text: string): Promise<SmsOutcome>;
  /**
   * Sends nothing, but takes as long as `send`, and returns what `send` returns if nothing depends on the number. A sender
   * whose timing tells nothing has no `sendDecoy`.
   */
  sendDecoy?(to: string, text: string): Promise<SmsOutcome>;
  /** Waits for the delivery of a sent message, for some minutes at most. Never rejects. Missing if the sender can't tell. */
  trackDelivery?(messageId: string): Promise<DeliveryResult>;
  /** Returns whether messages can be sent again, without sending one. Never rejects. Missing if the sender can't tell. */
  isReady?(): Promise<boolean>;
}

/** The engine's port to a sender. It takes the trust level of each message. */
export interface SmsPort extends Pick<SmsSender, 'trackDelivery'> {
  send(to: string, text: string, trust: TrustLevel): Promise<SmsOutcome>;
  sendDecoy?(to: string, text: string, trust: TrustLevel): Promise<SmsOutcome>;
}

/** A message in the developer's inbox. `to` is in E.164 form, `at` in ISO 8601. */
export interface InboxMessage {
  to: string;
  text: string;
  at: string;
}

/** The messages that the console sender has printed. */
export interface Inbox {
  /** Returns the last ones, newest first. */
  messages(): InboxMessage[];
  /** Calls `listener` after each new message. */
  onMessage(listener: () => void): void;
}
