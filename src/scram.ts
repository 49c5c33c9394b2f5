import { createHmac, hash, timingSafeEqual } from 'node:crypto';

/** The kdf for new passwords: Argon2id (RFC 9106), m in KiB. These are OWASP's lowest values for 19 MiB. */
export const KDF = 'argon2id$m=19456,t=2,p=1';

/** The keys that the server stores in place of a password (RFC 5802, 3): 32 bytes each. Neither can sign in. */
export interface Keys {
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** The six strings that a proof and a signature are bound to, exactly as they were sent. */
export interface Exchange {
  id: string;
  seed: string;
  salt: string;
  kdf: string;
  nonce: string;
  username: string;
}

/** The AuthMessage of RFC 5802, 3, in this product's form: the six strings joined by line feeds. */
export function authMessage({ id, seed, salt, kdf, nonce, username }: Exchange): string {
  return [id, seed, salt, kdf, nonce, username].join('\n');
}

/**
 * True if the sender of `proof` (32 bytes) knows the ClientKey behind `storedKey` (RFC 5802, 3). Compares in constant time.
 */
export function isProof(proof: Uint8Array, storedKey: Uint8Array, message: string): boolean {
  const clientKey = xor(proof, hmac(storedKey, message));
  return timingSafeEqual(hash('sha256', clientKey, 'buffer'), storedKey);
}

/** The ServerSignature of RFC 5802, 3: 32 bytes by which the page knows that the server has the account's keys. */
export function signatureFor(serverKey: Uint8Array, message: string): Buffer {
  return hmac(serverKey, message);
}

function hmac(key: Uint8Array, message: string): Buffer {
  return createHmac('sha256', key).update(message).digest();
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ (right[index] ?? 0));
}
