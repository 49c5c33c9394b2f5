import type { FailureReason } from '../../sms.ts';
import type { CallFacts } from './failure.ts';

/** What became of a call for a message, told once: never its text, a secret, or more of its number than the last four digits. */
export interface SendLogLine extends CallFacts {
  event: `${'login' | 'sms'}_${FailureReason}` | 'sms_sent' | 'sms_unknown';
  to: string;
  /** Of a message that was sent: what its `FollowLogLine` goes by. */
  messageId?: string;
}

/** What became of a message that was sent, told once; `follow_off` says, once and for all, that nothing more will be told. */
export interface FollowLogLine extends CallFacts {
  event: `follow_${FailureReason | 'delivered' | 'unknown' | 'off'}`;
  messageId: string | undefined;
  hint?: string;
}

/** All that is ever logged of messages. */
export type SmsLogLine = SendLogLine | FollowLogLine;

/** Where the lines go. */
export type Log = (line: SmsLogLine) => void;

/** A log that is none where none is given, and whose failing makes no message that was sent look unsent. */
export function patientLog(log: Log | undefined): Log {
  return (line) => {
    try {
      log?.(line);
    } catch {
      // What it could not take is lost.
    }
  };
}
