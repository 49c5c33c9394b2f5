import type { Purpose } from '../passcode.ts';
import type { FailureReason } from '../sms.ts';
import type { Code, Delivery, KnownDevice, Session, User } from '../store.ts';

export interface UserRow {
  phoneno: string;
  fname: string;
  lname: string;
  kdf: string;
  stored_key: string;
  server_key: string;
  is_phone_confirmed: boolean;
  known_since_ms: number | null;
  is_finished: boolean;
  failed_signin_codes: number;
  is_found: boolean;
}

export interface CodeRow {
  id: string;
  email: string;
  purpose: Purpose;
  device: string;
  phoneno: string;
  created_at_ms: number;
  expires_at_ms: number;
  sent_at_ms: number;
  is_spent: boolean;
  delivery: Delivery;
  reason: FailureReason | null;
  during_outage: boolean;
  is_suppressed: boolean;
  requested_by_known_device: boolean;
}

export interface FlowRow extends CodeRow {
  is_tried: boolean;
}

export interface DeviceRow {
  id: string;
  created_at_ms: number;
  seen_at_ms: number;
  network: string;
  browser: string;
}

export interface TokenRow extends DeviceRow {
  token_hash: string;
  number: number;
  expires_at_ms: number;
}

export interface FoundDeviceRow {
  token_hash: string;
  id: string;
  expires_at_ms: number;
  has_older_tokens: boolean;
}

export interface SessionRow extends DeviceRow {
  token_hash: string;
  email: string;
  device: string;
  proved_at_ms: number;
}

export interface LockoutRow {
  device: string;
  failures: number;
  is_locked: boolean;
  changed_at_ms: number;
}

/** Returns undefined if the user was not found. */
export function toUser(email: string, row: UserRow): User | undefined {
  const { phoneno, fname, lname, kdf } = row;
  const user = {
    email,
    phoneno,
    fname,
    lname,
    kdf,
    storedKey: Buffer.from(row.stored_key, 'base64'),
    serverKey: Buffer.from(row.server_key, 'base64'),
    isPhoneConfirmed: row.is_phone_confirmed,
    knownSinceMs: row.known_since_ms ?? undefined,
    isFinished: row.is_finished,
    failedSignInCodes: row.failed_signin_codes,
  };
  return row.is_found ? user : undefined;
}

export function toCode(row: CodeRow): Code {
  const { id, email, purpose, device, phoneno, delivery } = row;
  return {
    id,
    email,
    purpose,
    device,
    phoneno,
    delivery,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    sentAtMs: row.sent_at_ms,
    isSpent: row.is_spent,
    reason: row.reason ?? undefined,
    duringOutage: row.during_outage,
    isSuppressed: row.is_suppressed,
    requestedByKnownDevice: row.requested_by_known_device,
  };
}

export function toDevice({ id, created_at_ms, seen_at_ms, network, browser }: DeviceRow): KnownDevice {
  return { id, createdAtMs: created_at_ms, seenAtMs: seen_at_ms, network, browser };
}

export function toSession(row: SessionRow): Session {
  return { ...toDevice(row), email: row.email, device: row.device, provedAtMs: row.proved_at_ms };
}

export function toLockout({ device, failures, is_locked, changed_at_ms }: LockoutRow) {
  return { device, failures, isLocked: is_locked, changedAtMs: changed_at_ms };
}

/** Returns the devices of live tokens, each by its newest token, the last seen first. `tokens` are in their order. */
export function toDevices(tokens: readonly TokenRow[], nowMs: number): KnownDevice[] {
  const newest = new Map(tokens.filter((one) => one.expires_at_ms > nowMs).map((one) => [one.id, one]));
  return [...newest.values()]
    .map(toDevice)
    .sort((left, right) => right.seenAtMs - left.seenAtMs || (left.id < right.id ? -1 : 1));
}
