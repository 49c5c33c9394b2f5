import type { Site } from '../passcode.ts';
import type { PhoneRules } from '../phone.ts';
import type { Policy } from '../policy.ts';
import type { SmsAvailability, SmsPort, TrustLevel } from '../sms.ts';
import type { Store } from '../store.ts';

/** All that the engine needs of the world around it. */
export interface Deps {
  readonly store: Store;
  readonly sms: SmsPort;
  readonly availability: (trust: TrustLevel) => SmsAvailability;
  readonly policy: Policy;
  readonly phones: PhoneRules;
  readonly site: Site;
  /** The key (32 bytes or more) that codes are made with; it is never in the database. */
  readonly appSecret: Uint8Array;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  /** Bytes that nobody can foresee. */
  readonly randomBytes: (size: number) => Uint8Array;
  /** Runs a task on a later tick, after the answer has left, and sees to its failure. */
  readonly afterResponse: (task: () => Promise<void>) => void;
  /** Tells the operator of what may be an attack; called as often as it is seen. */
  readonly alert: (alert: Alert) => void;
  /** As `later`, for a task that may take minutes and that nobody misses if the program ends. */
  readonly detached: (task: () => Promise<void>) => void;
}

/**
 * `messages_held_back`: a budget that accounts share has no room left for some of them. `queue_full`: no place to wait for
 * a turn is left for some who ask.
 */
export type Alert =
  | { readonly event: 'queue_full' }
  | { readonly event: 'many_failed_codes' }
  | { readonly event: 'messages_held_back'; readonly budget: 'prefix' | 'country' | 'total' };
