import type { Purpose } from './passcode.ts';
import type { Keys } from './scram.ts';
import type { FailureReason } from './sms.ts';

/** Thrown by `transact` if the database can't be written or does not answer. Nothing was changed, and a later try may succeed. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** The database of accounts and all that belongs to them. Emails are canonical, times are Unix milliseconds. */
export interface Store {
  /** 32 bytes that the database has kept from its first day. Salts are made with them. They are not a secret. */
  readonly saltKey: Uint8Array;

  /**
   * Runs `work` as one transaction and returns its result, once that is on disk. Works never see each other half done. A work
   * that throws, or takes over a second, is rolled back alone, and its error is thrown here. A work may await nothing but its
   * `tx`. Throws StoreUnavailable within five seconds if the database does not accept the work.
   */
  transact<Result>(work: (tx: Tx) => Promise<Result>, options?: TransactOptions): Promise<Result>;

  /**
   * Runs `work` without the database's write lock, and returns its result. Each verb sees what the last commit left. A work may
   * await nothing but its `tx`. Throws StoreUnavailable within five seconds if the database can't be read.
   */
  read<Result>(work: (tx: ReadTx) => Promise<Result>): Promise<Result>;

  /**
   * Leases up to `block` of the `most` requests in the key's window to this process. The window begins with its first lease.
   * All leases of a window together never grant more than `most`. Throws StoreUnavailable as `transact` does. Missing
   * on a store whose processes count for themselves.
   */
  lease?(key: string, block: number, most: number, windowMs: number): Promise<Lease>;

  /** Finishes the works that wait, then closes the database. Later works are refused as unavailable. */
  close(): Promise<void>;
}

/** A leased part of a limit. `granted` is 0 if nothing is left. The window ends in `endsInMs`. */
export interface Lease {
  readonly granted: number;
  readonly endsInMs: number;
}

/**
 * The account that a work is about: its email, or the hash of its flow's or its session's token. `device` is the hash of the
 * device token that the work asks for.
 */
export type About = { email: string; device?: string } | { flow: string } | { session: string };

/**
 * Works that run side by side may read the time in another order than they get their locks. Only a time that is later by
 * more than this is of a clock that was set back.
 */
export const CLOCK_SPREAD_MS = 5000;

export interface TransactOptions {
  /**
   * A store that runs works side by side locks this account before the work starts, existing or not. Works of one account
   * then run one after the other.
   */
  readonly about?: About;
  /** `false` skips the fsync. Use it only for work that is safe to repeat after a power failure. */
  readonly isLasting?: boolean;
}

export interface User extends Keys {
  readonly email: string;
  readonly phoneno: string;
  readonly fname: string;
  readonly lname: string;
  readonly kdf: string;
  /** True after a code that was sent to the phone has been given. */
  readonly isPhoneConfirmed: boolean;
  /** The time of the first known device since the sign-up or the last reset. Undefined if there was none. */
  readonly knownSinceMs: number | undefined;
  /** True once the account has known a device. Until then, another sign-up may replace the account. */
  readonly isFinished: boolean;
  /** Wrong sign-in codes in a row. */
  readonly failedSignInCodes: number;
}

/** A user as sign-up makes one. */
export type NewUser = Omit<User, 'isPhoneConfirmed' | 'knownSinceMs' | 'isFinished' | 'failedSignInCodes'>;

/** The rows of an account besides its user, sessions and devices. Times are Unix milliseconds. */
export interface Records {
  readonly createdAtMs: number;
  readonly keysChangedAtMs: number;
  readonly phoneConfirmedAtMs: number | undefined;
  readonly codes: readonly Pick<
    Code,
    'purpose' | 'phoneno' | 'createdAtMs' | 'sentAtMs' | 'isSpent' | 'delivery'
  >[];
  readonly lockouts: readonly (Lockout & { device: string; changedAtMs: number })[];
}

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

/** In place of a device's id: all devices that an account does not know. They share one lockout. */
export const UNKNOWN_DEVICE = '';

/** The failures in a row of one account on one device. */
export interface Lockout {
  readonly failures: number;
  readonly isLocked: boolean;
}

/** `refused`: definitely not sent, which voids the code. `unknown`: may have been sent. `failed`: sent, and not delivered. */
export type Delivery = 'sending' | 'sent' | 'delivered' | 'failed' | 'refused' | 'unknown';

/** Every state that a delivery may have, for updates that overwrite any of them. */
export const ANY_DELIVERY: readonly Delivery[] = [
  'sending',
  'sent',
  'delivered',
  'failed',
  'refused',
  'unknown',
];

export interface Code {
  readonly id: string;
  readonly email: string;
  readonly purpose: Purpose;
  /** The device whose lockout the code is about, or UNKNOWN_DEVICE. */
  readonly device: string;
  /** The new number that the code is about, or empty. */
  readonly phoneno: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly sentAtMs: number;
  readonly isSpent: boolean;
  readonly delivery: Delivery;
  /** The reason if the delivery is `refused` or `failed`. */
  readonly reason: FailureReason | undefined;
  /** True if the last message was asked for while messages failed for every number. */
  readonly duringOutage: boolean;
  /** True if no message with the code was ever sent. The code can't be right. */
  readonly isSuppressed: boolean;
  /** True if a device that the account knows asked for the last message. */
  readonly requestedByKnownDevice: boolean;
}

/** The purpose of a code, the device and the new number that it is about. */
export type CodeAbout = Pick<Code, 'purpose' | 'device' | 'phoneno'>;

/** The fields that change when a code's message is asked for again. */
export type SentAgain = Pick<Code, 'duringOutage' | 'isSuppressed' | 'requestedByKnownDevice'>;

/** The right to try a code once. Its token is a secret of the browser that asked; the store has the hash. */
export interface Flow {
  readonly isTried: boolean;
  readonly code: Code;
}

/** The network and the browser of a request, as the account page shows them. `browser` is a short label, or empty. */
export interface Visitor {
  readonly network: string;
  readonly browser: string;
}

export interface Session extends Visitor {
  /** The id that the account page shows. It is not a secret. */
  readonly id: string;
  readonly email: string;
  /** The id of the device, or empty for a session of an earlier version. */
  readonly device: string;
  readonly createdAtMs: number;
  readonly seenAtMs: number;
  /** The last time that the user proved the password. */
  readonly provedAtMs: number;
}

/** A device that the account knows, as the account page shows it. */
export interface KnownDevice extends Visitor {
  readonly id: string;
  readonly createdAtMs: number;
  readonly seenAtMs: number;
}

/** The rows to delete: those that have expired at `nowMs`, and those last changed or seen before the other times. */
export interface DueRows {
  readonly nowMs: number;
  readonly rowsChangedBeforeMs: number;
  readonly sessionsSeenBeforeMs: number;
  readonly eventsBeforeMs: number;
}

/** A device that an account knows, found by one of its tokens. */
export interface Device {
  readonly id: string;
  /** True if the device has tokens that are older than the one that found it. */
  readonly hasOlderTokens: boolean;
}

/** A fresh token of a device: when and from where it is made, and when it expires. */
export interface DeviceToken extends Visitor {
  readonly id: string;
  readonly tokenHash: string;
  readonly nowMs: number;
  readonly expiresAtMs: number;
}

/** Asks for the time of the key's `nth` newest event, if that is after `sinceMs`. */
export interface EventQuery {
  readonly key: string;
  readonly nth: number;
  readonly sinceMs: number;
}

/** The `expiresAtMs` of a shared value that stays. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/** The verbs of one transaction. They know no rule: every limit and time comes from the caller. */
export interface Tx {
  /** The database's time, if processes with clocks of their own share it. It is read once, when the locks are held. */
  readonly nowMs?: number | undefined;

  userFor(email: string): Promise<User | undefined>;
  /** Adds the user, or returns false if the email is taken. */
  addUser(user: NewUser, nowMs: number): Promise<boolean>;
  /** Replaces a user whose account has never known a device. Returns false for any other. */
  replaceUnfinished(user: NewUser, nowMs: number): Promise<boolean>;
  /** Counts one more wrong sign-in code in a row. */
  addFailedSignInCode(email: string): Promise<void>;
  clearFailedSignInCodes(email: string): Promise<void>;
  /**
   * Returns what other accounts with the phone leave to this one. `isFirst`: none was added before it; of one millisecond, the
   * smaller address is first. `isConfirmedElsewhere`: another one has confirmed the phone.
   */
  phoneClaims(email: string, phoneno: string): Promise<PhoneClaims>;
  confirmPhone(email: string, nowMs: number): Promise<void>;
  setKeys(email: string, kdf: string, keys: Keys, nowMs: number): Promise<void>;
  setName(email: string, fname: string, lname: string): Promise<void>;
  /** Sets a phone that its owner has confirmed. */
  setPhone(email: string, phoneno: string, nowMs: number): Promise<void>;
  /** Deletes the user with all sessions, devices, codes and lockouts. */
  deleteUser(email: string): Promise<void>;
  /** The times of the account, and its codes and lockouts, for the user who asks for all data. */
  recordsOf(email: string): Promise<Records>;

  /** Adds a seed. Deletes the oldest seeds of a network that then has more than `maxPerNetwork`. Infinity is no limit. */
  addSeed(seed: Seed, maxPerNetwork: number): Promise<void>;
  /** Deletes the live seed of that id and email and returns its value, or undefined. */
  takeSeed(id: string, email: string, nowMs: number): Promise<string | undefined>;

  lockoutFor(email: string, device: string): Promise<Lockout>;
  /** Counts one more failure and returns the new count. */
  addFailure(email: string, device: string, nowMs: number): Promise<number>;
  lock(email: string, device: string, nowMs: number): Promise<void>;
  clearLockout(email: string, device: string): Promise<void>;
  clearLockouts(email: string): Promise<void>;

  /** The code for the same that was sent last. Ignores times after `nowMs`: the clock was set back. */
  newestCode(email: string, about: CodeAbout, nowMs: number): Promise<Code | undefined>;
  addCode(code: Code): Promise<void>;
  /** Records that the code's message is sent again, or suppressed again. */
  resendCode(codeId: string, again: SentAgain, nowMs: number): Promise<void>;
  /** Records the delivery of the code's message, if the delivery so far is one of `from`. Changes no time. */
  noteDelivery(
    codeId: string,
    delivery: Delivery,
    from: readonly Delivery[],
    reason?: FailureReason,
  ): Promise<void>;
  spendCode(codeId: string, nowMs: number): Promise<void>;
  /** Marks all codes of the account as spent, or those of one purpose. */
  spendCodes(email: string, nowMs: number, purpose?: Purpose): Promise<void>;
  /** Deletes the account's codes, and so their flows and pauses. */
  forgetCodes(email: string): Promise<void>;

  /** Adds a flow to the code, or returns false if the code has `maxPerCode` already. */
  addFlow(flowHash: string, codeId: string, maxPerCode: number): Promise<boolean>;
  flowFor(flowHash: string): Promise<Flow | undefined>;
  markTried(flowHash: string, nowMs: number): Promise<void>;

  /** The account's device with that token, unless the token has expired. */
  deviceFor(email: string, tokenHash: string, nowMs: number): Promise<Device | undefined>;
  /** Makes the device known to the user under the token, beside its older ones. The user keeps the newest `maxPerUser` tokens. */
  addDeviceToken(email: string, token: DeviceToken, maxPerUser: number): Promise<void>;
  /** Deletes the tokens of the device that are older than this one. */
  endOlderTokens(email: string, tokenHash: string): Promise<void>;
  /** The live devices of the account, the last seen first. */
  devicesOf(email: string, nowMs: number): Promise<KnownDevice[]>;
  /** Makes the device unknown, ends its sessions and deletes its lockout. */
  forgetDevice(email: string, id: string): Promise<void>;

  /** Starts a session of a user. The user keeps the newest `maxPerUser` sessions. */
  addSession(tokenHash: string, session: Session, maxPerUser: number): Promise<void>;
  sessionFor(tokenHash: string): Promise<Session | undefined>;
  /** Records that the session and its device were seen. */
  noteSeen(tokenHash: string, nowMs: number): Promise<void>;
  noteProved(tokenHash: string, nowMs: number): Promise<void>;
  /** The sessions of the user, the last seen first. Expired ones may be among them. */
  sessionsOf(email: string): Promise<Session[]>;
  /** Ends the session of the user that has this id. */
  endSessionById(email: string, id: string): Promise<void>;
  endSession(tokenHash: string): Promise<void>;
  /** Ends all sessions of the user, and deletes all devices. */
  forgetBrowsers(email: string, nowMs: number): Promise<void>;

  /** Counts an event once under each key. Forgets events of the key after `nowMs`: the clock was set back. */
  countEvent(keys: readonly string[], nowMs: number): Promise<void>;
  /** Answers each query in their order. Undefined if that event is not after `sinceMs`, or is after `nowMs`. */
  nthNewestEvents(queries: readonly EventQuery[], nowMs: number): Promise<(number | undefined)[]>;
  /** Takes back the last event of each key. */
  uncountEvent(keys: readonly string[]): Promise<void>;
  /** Forgets all events of the key. */
  forgetEvents(key: string): Promise<void>;

  /** Returns the text that processes share under the key, unless it has expired. Locks the key until the work ends. */
  sharedValue(key: string, nowMs: number): Promise<string | undefined>;
  /** Sets the text that processes share under the key. */
  setSharedValue(key: string, value: string, expiresAtMs: number): Promise<void>;

  /** Deletes at most `limit` due rows of each table and returns how many it deleted in all. */
  deleteDue(due: DueRows, limit: number): Promise<number>;
}

/** The verbs of a page visit. They change nothing. */
export type ReadTx = Pick<Tx, 'nowMs' | 'userFor' | 'sessionFor' | 'sessionsOf' | 'deviceFor' | 'devicesOf'>;
