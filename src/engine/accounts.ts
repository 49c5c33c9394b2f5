import { createHmac } from 'node:crypto';
import { isSamePassword, KDF, type Keys } from '../scram.ts';
import type { Tx } from '../store.ts';
import { fromBase64url } from '../token.ts';
import type { Deps } from './deps.ts';
import type { NewKeys } from './requests.ts';

/** An account as the engine sees it: a user's, or a decoy for an address without an account. */
export interface Account extends Keys {
  readonly email: string;
  readonly kdf: string;
  readonly phoneno: string;
  /** True after a code that was sent to the phone has been given. */
  readonly isPhoneConfirmed: boolean;
  /** Unix milliseconds since when the account has known devices. */
  readonly knownSinceMs: number | undefined;
  /** Wrong sign-in codes in a row. */
  readonly failedSignInCodes: number;
  /** False for a decoy: no proof and no code is ever right for it, and no message is sent. */
  readonly exists: boolean;
}

/**
 * Returns the address that an account is stored under. That is `formerEmail` if an account was stored under it before today's
 * rules, else the canonical `email`. If they differ, it takes the same work with and without an account.
 */
export async function accountAddress(
  { store }: Pick<Deps, 'store'>,
  email: string,
  formerEmail: string,
): Promise<string> {
  if (formerEmail === email) return email;
  const former = await store.transact((tx) => tx.userFor(formerEmail), { about: { email: formerEmail } });
  return former === undefined ? email : formerEmail;
}

/** Returns the account of an address, or its decoy. Both take the same work. */
export async function accountFor(tx: Tx, saltKey: Uint8Array, email: string): Promise<Account> {
  const decoy = decoyAccount(saltKey, email);
  const user = await tx.userFor(email);
  return user === undefined ? decoy : { ...user, exists: true };
}

/** Returns the salt (16 bytes, base64url) of an address. It never changes, with or without an account. */
export function saltFor(saltKey: Uint8Array, email: string): string {
  return derive(saltKey, 'salt', email).subarray(0, 16).toString('base64url');
}

/** A decoy for an address without an account. It is derived from the address, so it never changes. */
export function decoyAccount(saltKey: Uint8Array, email: string): Account {
  // No proof is ever right for a decoy, so one digest serves for its keys and its phone.
  const digest = derive(saltKey, 'phone', email);
  const lastFour = (digest.readUInt32BE() % 10_000).toString().padStart(4, '0');
  return {
    email,
    kdf: KDF,
    storedKey: digest,
    serverKey: digest,
    phoneno: `+1000000${lastFour}`,
    isPhoneConfirmed: false,
    knownSinceMs: undefined,
    failedSignInCodes: 0,
    exists: false,
  };
}

/** Returns which of `salt` and `kdf` differs from what getSeed hands out for the account, if any. */
export function refusedField(
  saltKey: Uint8Array,
  account: Account,
  form: NewKeys,
): { kind: 'invalid'; field: string } | undefined {
  if (form.salt !== saltFor(saltKey, account.email)) return { kind: 'invalid', field: 'salt' };
  return form.kdf === account.kdf ? undefined : { kind: 'invalid', field: 'kdf' };
}

/** The keys of a form as bytes. */
export function keysOf(form: NewKeys): Keys {
  return { storedKey: fromBase64url(form.storedKey), serverKey: fromBase64url(form.serverKey) };
}

/** Returns the mark for an answer if the keys are those that the account had before. Call it only for a proved owner. */
export function sameAsBefore(account: Account, keys: Keys): { isSamePassword?: true } {
  return isSamePassword(account, keys) ? { isSamePassword: true } : {};
}

function derive(saltKey: Uint8Array, label: string, email: string): Buffer {
  return createHmac('sha256', saltKey).update(`${label}\n${email}`).digest();
}
