import type { AppSecrets, Site } from '../passcode.ts';
import type { PhoneRules } from '../phone.ts';
import type { Policy } from '../policy.ts';
import type { SmsAvailability, SmsPort, TrustLevel } from '../sms.ts';
import type { Store } from '../store.ts';
import type { MessageLine } from './message-log.ts';

/** Everything that the engine needs from outside. */
export interface Deps {
  readonly store: Store;
  readonly sms: SmsPort;
  readonly availability: (trust: TrustLevel) => SmsAvailability;
  readonly policy: Policy;
  readonly phones: PhoneRules;
  readonly site: Site;
  /** The keys that codes are made with. They are never in the database. */
  readonly appSecrets: AppSecrets;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  /** Returns unpredictable bytes. */
  readonly randomBytes: (size: number) => Uint8Array;
  /** Runs a task on a later tick, after the response. Errors of the task are logged. */
  readonly afterResponse: (task: () => Promise<void>) => void;
  /** As `afterResponse`, for a task that may take minutes and that a stop does not wait for. */
  readonly detached: (task: () => Promise<void>) => void;
  /** Logs what became of a message. */
  readonly log: (line: MessageLine) => void;
  /** Tells the operator about a possible attack, each time that it is seen. */
  readonly alert: (alert: Alert) => void;
  /** Counts a new lock for the metrics. */
  readonly onLock?: () => void;
}

/**
 * `messages_suppressed`: a limit that accounts share is full. `queue_full`: the sender has no place left for messages of a
 * trust level. `many_failed_codes`: wrong codes of all accounts together passed their limit. `proxy_not_trusted`: a proxy
 * forwards requests, but `TRUST_PROXY` is not set. `sms_unconfirmed`: the provider may have sent a message or not.
 * `deliveries_failing`: several numbers in a row got no message.
 */
export type Alert =
  | { readonly event: 'sms_unconfirmed' }
  | { readonly event: 'deliveries_failing' }
  | { readonly event: 'queue_full' }
  | { readonly event: 'many_failed_codes' }
  | { readonly event: 'proxy_not_trusted' }
  | { readonly event: 'messages_suppressed'; readonly limit: 'prefix' | 'country' | 'total' };
