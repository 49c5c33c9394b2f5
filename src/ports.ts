import type { Site } from './passcode.ts';
import type { PhoneRules } from './phone.ts';
import type { Policy } from './policy.ts';
import type { SmsOutlook, SmsPort, Standing } from './sms.ts';
import type { Store } from './store.ts';

/** All that the engine needs of the world around it. */
export interface Ports {
  readonly store: Store;
  readonly sms: SmsPort;
  readonly outlook: (standing: Standing) => SmsOutlook;
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
  readonly later: (task: () => Promise<void>) => void;
  /** Tells the operator of what may be an attack; called as often as it is seen. */
  readonly alarm: (alarm: Alarm) => void;
  /** As `later`, for a task that may take minutes and that nobody misses if the program ends. */
  readonly meanwhile: (task: () => Promise<void>) => void;
}

/**
 * `messages_held_back`: a budget that accounts share has no room left for some of them. `queue_full`: no place to wait for
 * a turn is left for some who ask.
 */
export type Alarm =
  | { readonly event: 'queue_full' }
  | { readonly event: 'many_failed_codes' }
  | { readonly event: 'messages_held_back'; readonly budget: 'prefix' | 'country' | 'total' };
