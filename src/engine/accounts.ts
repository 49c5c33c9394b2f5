import { createHmac } from 'node:crypto';
import { KDF, type Keys } from '../scram.ts';

/** An account as the engine sees it, whether anybody has signed up or not. */
export interface Account extends Keys {
  readonly kdf: string;
  readonly phoneno: string;
  readonly isPhoneConfirmed: boolean;
  readonly knownSinceMs: number | undefined;
  /** False for an address that nobody has signed up: no proof and no code is ever right for it, and no message leaves. */
  readonly exists: boolean;
}

/** The salt (16 bytes, base64url) of an address: the same at all times, whether anybody has signed up with it or not. */
export function saltFor(saltKey: Uint8Array, email: string): string {
  return derive(saltKey, 'salt', email).subarray(0, 16).toString('base64url');
}

/** What stands in for the account of an address that nobody has signed up: made from the address alone, so it never changes. */
export function decoyAccount(saltKey: Uint8Array, email: string): Account {
  const lastFour = (derive(saltKey, 'phone', email).readUInt32BE() % 10_000).toString().padStart(4, '0');
  return {
    kdf: KDF,
    storedKey: derive(saltKey, 'stored key', email),
    serverKey: derive(saltKey, 'server key', email),
    phoneno: `+1000000${lastFour}`,
    isPhoneConfirmed: false,
    knownSinceMs: undefined,
    exists: false,
  };
}

function derive(saltKey: Uint8Array, label: string, email: string): Buffer {
  return createHmac('sha256', saltKey).update(`${label}\n${email}`).digest();
}
