import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/**
 * The KDF for SaltedPassword: Argon2id (RFC 9106) with OWASP's minimum cost for 19 MiB of memory; m is in KiB. Editing it alone
 * would tell who has an account: docs/decisions/0025-raising-the-kdf.md.
 */
export const KDF = 'argon2id$m=19456,t=2,p=1';

/** The two keys that the server stores for a password (RFC 5802, 3), 32 bytes each. Neither can be used to sign in. */
export interface Keys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/**
 * Returns true if `proof` (32 bytes) was made with the ClientKey behind `storedKey` (RFC 5802, 3).
 * The comparison takes constant time.
 */
export function isProof(proof: Uint8Array, storedKey: Uint8Array, message: string): boolean {
  const clientKey = xor(proof, hmac(storedKey, message));
  return timingSafeEqual(hash('sha256', clientKey, 'buffer'), storedKey);
}

/** Returns true if two pairs of keys are of the same password. They need the same salt and kdf. */
export function isSamePassword(left: Keys, right: Keys): boolean {
  return timingSafeEqual(left.storedKey, right.storedKey) && timingSafeEqual(left.serverKey, right.serverKey);
}

/** Returns the ServerSignature of RFC 5802, 3: 32 bytes that prove that the server has the account's keys. */
export function signatureFor(serverKey: Uint8Array, message: string): Buffer {
  return hmac(serverKey, message);
}

function hmac(key: Uint8Array, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ (right[index] ?? 0));
}
