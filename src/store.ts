import type { Purpose } from './passcode.ts';
import type { Keys } from './scram.ts';
import type { FailureReason } from './sms.ts';

/** Thrown by `transact` where the database can't be written or does not answer. Nothing was changed, and a later try may go through. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** Where accounts and all that is about them are kept. Emails are canonical, times are Unix milliseconds. */
export interface Store {
  /** 32 bytes that this database has had from its first day. Salts are made with them; they are not a secret. */
  readonly saltKey: Uint8Array;

  /**
   * Runs `work` as one transaction and answers what it answers, once that is on disk. Works never see each other half
   * done. A work that throws, or takes over a second, is rolled back alone, and its error is thrown here. A work may
   * await nothing but its `tx`. Throws StoreUnavailable, within five seconds, where the database does not take it.
   */
  transact<Result>(work: (tx: Tx) => Promise<Result>, options?: TransactOptions): Promise<Result>;

  /** Lets the works that wait finish, then closes the database. Works that come later are refused as unavailable. */
  close(): Promise<void>;
}

export interface TransactOptions {
  /**
   * False where nobody is told of the work and it can be done again: it does not wait for the disk, and may be undone when
   * the power goes, though not when the program is killed. Later works that last make it last too. PostgreSQL's
   * `synchronous_commit = off`.
   */
  readonly isLasting?: boolean;
}

export interface User extends Keys {
  readonly email: string;
  readonly phoneno: string;
  readonly fname: string;
  readonly lname: string;
  readonly kdf: string;
  /** Whether a code that was sent to the phone has been given. */
  readonly isPhoneConfirmed: boolean;
  /** Since when the account has known devices; undefined where none has become known since its sign-up or last reset. */
  readonly knownSinceMs: number | undefined;
}

/** A user as sign-up makes one. */
export type NewUser = Omit<User, 'isPhoneConfirmed' | 'knownSinceMs'>;

/** An account's claims to its phone number. */
export interface PhoneClaims {
  readonly isFirst: boolean;
  readonly isConfirmedElsewhere: boolean;
}

export interface Seed {
  readonly id: string;
  readonly seed: string;
  readonly email: string;
  readonly network: string;
  readonly expiresAtMs: number;
}

/** Stands, in place of a device's id, for all devices that an account does not know: they share one count. */
export const UNKNOWN_DEVICE = '';

/** The count of failures of one account on one device. */
export interface Lockout {
  readonly failures: number;
  readonly isLocked: boolean;
}

/** `refused`: definitely not sent, which voids the code. `unknown`: may have been sent. `failed`: sent, and lost on its way. */
export type Delivery = 'sending' | 'sent' | 'delivered' | 'failed' | 'refused' | 'unknown';

export interface Code {
  readonly id: string;
  readonly email: string;
  readonly purpose: Purpose;
  /** The device whose count the code is about, as in `Lockout`. */
  readonly device: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly sentAtMs: number;
  readonly isSpent: boolean;
  readonly delivery: Delivery;
  /** Why it was refused or has failed. */
  readonly reason: FailureReason | undefined;
  /** Made, or sent again, while messages failed for everybody. */
  readonly duringOutage: boolean;
  /** No message with it has ever left, nor will: it can not be right. */
  readonly isSuppressed: boolean;
  /** Its last message was asked for by a device that the account knows. */
  readonly requestedByKnownDevice: boolean;
}

/** What is recorded anew when a code's message is asked for again. */
export type SentAgain = Pick<Code, 'duringOutage' | 'isSuppressed' | 'requestedByKnownDevice'>;

/** What somebody who asked for a code tries it with, once: a secret of the asker's browser, of which the store has the hash. */
export interface Flow {
  readonly isTried: boolean;
  readonly code: Code;
}

export interface Session {
  readonly email: string;
  readonly createdAtMs: number;
  readonly seenAtMs: number;
}

/** Which rows are deleted: those that have expired at `nowMs`, and those last changed or seen before the other times. */
export interface DueRows {
  readonly nowMs: number;
  readonly rowsChangedBeforeMs: number;
  readonly sessionsSeenBeforeMs: number;
  readonly eventsBeforeMs: number;
}

/** Since when a device is known, and until when. */
export interface DeviceTimes {
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** The verbs of one transaction. They know no rule: every limit and time comes from the caller. */
export interface Tx {
  userFor(email: string): Promise<User | undefined>;
  /** Adds the user, or answers false where the email is taken. */
  addUser(user: NewUser, nowMs: number): Promise<boolean>;
  /**
   * Returns what other accounts with the phone leave to this one. `isFirst`: none was added before it; of one millisecond, the
   * smaller address is first. `isConfirmedElsewhere`: another one has confirmed the phone.
   */
  phoneClaims(email: string, phoneno: string): Promise<PhoneClaims>;
  confirmPhone(email: string, nowMs: number): Promise<void>;
  setKeys(email: string, kdf: string, keys: Keys, nowMs: number): Promise<void>;

  /** Adds a seed; a network that then holds more than `maxPerNetwork` loses those that it got first. Infinity is no limit. */
  addSeed(seed: Seed, maxPerNetwork: number): Promise<void>;
  /** Takes the live seed of that id and email out of the table and answers its value, or undefined where there is none. */
  takeSeed(id: string, email: string, nowMs: number): Promise<string | undefined>;

  lockoutFor(email: string, device: string): Promise<Lockout>;
  /** Counts one failure more and answers the new count. */
  addFailure(email: string, device: string, nowMs: number): Promise<number>;
  lock(email: string, device: string, nowMs: number): Promise<void>;
  clearLockout(email: string, device: string): Promise<void>;
  clearLockouts(email: string): Promise<void>;

  /** The code for that purpose and count whose message was sent last, leaving out what was sent after `nowMs` (a clock was set back). */
  newestCode(email: string, purpose: Purpose, device: string, nowMs: number): Promise<Code | undefined>;
  addCode(code: Code): Promise<void>;
  /** Records that the code's message is sent once more, or held back once more. */
  resendCode(codeId: string, again: SentAgain, nowMs: number): Promise<void>;
  /** Records what became of the code's message, unless the record says something else than one of `from`. Changes no time. */
  noteDelivery(
    codeId: string,
    delivery: Delivery,
    from: readonly Delivery[],
    reason?: FailureReason,
  ): Promise<void>;
  spendCode(codeId: string, nowMs: number): Promise<void>;
  /** Marks all codes of the account as spent. */
  spendCodes(email: string, nowMs: number): Promise<void>;
  /** Deletes the account's codes, and so their flows and pauses. */
  forgetCodes(email: string): Promise<void>;

  /** Adds a flow to the code, or answers false where it has `maxPerCode` already. */
  addFlow(flowHash: string, codeId: string, maxPerCode: number): Promise<boolean>;
  flowFor(flowHash: string): Promise<Flow | undefined>;
  markTried(flowHash: string, nowMs: number): Promise<void>;

  /** The id of the account's live device with that token, or undefined. */
  deviceFor(email: string, tokenHash: string, nowMs: number): Promise<string | undefined>;
  /** Makes a user's device known under the token. */
  addDevice(id: string, email: string, tokenHash: string, times: DeviceTimes): Promise<void>;
  /** Gives the account's device of that token another one in its place. */
  renewDevice(email: string, oldTokenHash: string, tokenHash: string, expiresAtMs: number): Promise<void>;

  /** Starts a session of a user. */
  addSession(tokenHash: string, email: string, nowMs: number): Promise<void>;
  sessionFor(tokenHash: string): Promise<Session | undefined>;
  noteSeen(tokenHash: string, nowMs: number): Promise<void>;
  endSession(tokenHash: string): Promise<void>;
  /** Ends all sessions of the user, and makes all devices unknown. */
  forgetBrowsers(email: string, nowMs: number): Promise<void>;

  /** Counts something that happened, once under each key. What is counted there after `nowMs` is forgotten: a clock was set back. */
  countEvent(keys: readonly string[], nowMs: number): Promise<void>;
  /** When the `nth` newest event under the key happened; undefined where it was not after `sinceMs`, or is after `nowMs`. */
  nthNewestEvent(key: string, nth: number, sinceMs: number, nowMs: number): Promise<number | undefined>;
  /** Takes back what was last counted under each key. */
  uncountEvent(keys: readonly string[]): Promise<void>;
  /** Forgets all that was counted under the key. */
  forgetEvents(key: string): Promise<void>;

  /** Deletes at most `limit` rows of each table that are due, and answers how many went in all. */
  deleteDue(due: DueRows, limit: number): Promise<number>;
}
