import type { FailureReason } from '../../sms.ts';
import type { CallFacts } from './failure.ts';

/**
 * A line about one message. The first has `login_failed` or an `sms_` event. After `sms_sent`, a second line has a
 * `delivery_` event. A line has no text, no secret, and only the last four digits of a number.
 */
export interface SmsLogLine extends CallFacts {
  event:
    | 'login_failed'
    | 'sms_sent'
    | 'sms_refused'
    | 'sms_unknown'
    | 'delivery_delivered'
    | 'delivery_failed'
    | 'delivery_unknown'
    /** The app may not read messages, so no delivery is logged from now on. */
    | 'delivery_tracking_off';
  /** The reason of `login_failed`, `sms_refused` and `delivery_failed`. */
  reason?: FailureReason;
  to?: string;
  messageId?: string | undefined;
  hint?: string;
}

/** Writes one line. */
export type Log = (line: SmsLogLine) => void;

/** Returns a log that never throws, so that a full disk doesn't make a sent message look unsent. */
export function safeLog(log: Log | undefined): Log {
  return (line) => {
    try {
      log?.(line);
    } catch {
      // The line is lost.
    }
  };
}
