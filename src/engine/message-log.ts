import { createHmac } from 'node:crypto';
import type { NoticeKind, Purpose } from '../passcode.ts';
import { countryOf } from '../phone.ts';
import type { CallFacts, FailureReason } from '../sms.ts';
import type { Account } from './accounts.ts';
import type { Deps } from './deps.ts';

/** The reason of a suppressed message: an undisclosed limit is full, or no message can be sent to the account. */
export type SuppressedBy = 'no_account' | 'country_not_served' | 'phone' | 'prefix' | 'country' | 'total';

/** The result of a message. `pause`, `limit` and `queue_full` refuse it before the sender does. */
export interface MessageResult {
  readonly event:
    | 'sms_sent'
    | 'sms_suppressed'
    | 'sms_refused'
    | 'sms_unknown'
    | 'delivery_delivered'
    | 'delivery_failed'
    | 'delivery_unknown';
  readonly reason?: FailureReason | SuppressedBy | 'pause' | 'limit' | 'queue_full';
  readonly messageId?: string;
  readonly provider?: CallFacts;
}

/** A message that a request asked for. `requestId` is the request's id in the log. */
export interface AskedMessage {
  readonly account: Account;
  readonly purpose: Purpose | NoticeKind;
  readonly requestId: string | undefined;
}

/**
 * A line of the log about one message. It has no text and no code. `account` and `number` are keyed hashes, `to` has the last
 * four digits.
 */
export interface MessageLine extends MessageResult {
  readonly id: string | undefined;
  readonly purpose: Purpose | NoticeKind;
  readonly account: string;
  readonly number: string;
  readonly to: string;
  /** The number's country, as ISO 3166-1 alpha-2. */
  readonly country: string | undefined;
}

/** Logs what became of a message. A message to a decoy has the same lines, so it takes the same work. */
export function logMessage(
  { log, appSecrets: [secret] }: Pick<Deps, 'log' | 'appSecrets'>,
  { account, purpose, requestId }: AskedMessage,
  { event, ...result }: MessageResult,
): void {
  log({
    event,
    id: requestId,
    purpose,
    account: keyedHash(secret, account.email),
    number: keyedHash(secret, account.phoneno),
    to: account.phoneno.slice(-4),
    country: countryOf(account.phoneno),
    ...result,
  });
}

/** Returns 8 hex digits that tell lines of one address or number from others. docs/operations.md computes them too. */
function keyedHash(secret: Uint8Array, text: string): string {
  return createHmac('sha256', secret).update(`log ${text}`).digest('hex').slice(0, 8);
}
