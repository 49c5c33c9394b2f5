import { hash } from 'node:crypto';

/** Returns `size` unpredictable bytes as base64url without padding. */
export function randomToken(randomBytes: (size: number) => Uint8Array, size: number): string {
  return toBase64url(randomBytes(size));
}

const TIME_BYTES = 6;
const SECRET_BYTES = 32;
const SECRET_LENGTH = 43;

/**
 * Returns 16 bytes as base64url: the time (Unix milliseconds, 48 bits) and 80 unpredictable bits. UUIDs of version 7 are
 * similar (RFC 9562, 5.7). Rows made one after the other are neighbours in an index of such ids.
 */
export function timedId(randomBytes: (size: number) => Uint8Array, nowMs: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(nowMs, 0, TIME_BYTES);
  bytes.set(randomBytes(bytes.length - TIME_BYTES), TIME_BYTES);
  return toBase64url(bytes);
}

/** Returns a secret of 32 bytes after the time in hexadecimal. Rows made one after the other are neighbours. */
export function timedToken(randomBytes: (size: number) => Uint8Array, nowMs: number): string {
  return nowMs.toString(16).padStart(2 * TIME_BYTES, '0') + randomToken(randomBytes, SECRET_BYTES);
}

/** Returns the time that a token begins with, in Unix milliseconds. Returns 0 for a token without a time. */
export function madeAtMs(token: string): number {
  const time = token.slice(0, -SECRET_LENGTH);
  return /^[0-9a-f]{12}$/.test(time) ? Number.parseInt(time, 16) : 0;
}

/** Returns the hash of a token for the store. A time before the secret stays as it is. */
export function hashOf(token: string): string {
  return token.slice(0, -SECRET_LENGTH) + hash('sha256', token, 'base64url');
}

/** Bytes as base64url without padding (RFC 4648, 5). */
export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** The bytes of a base64url text. */
export function fromBase64url(text: string): Uint8Array {
  return Buffer.from(text, 'base64url');
}
