import { hash } from 'node:crypto';

/** So many bytes that nobody can foresee, as base64url without padding. */
export function randomToken(randomBytes: (size: number) => Uint8Array, size: number): string {
  return toBase64url(randomBytes(size));
}

/** What a store keeps of a token: it can be recognised by it, but not made from it. */
export function hashOf(token: string): string {
  return hash('sha256', token, 'base64url');
}

/** Bytes as base64url without padding (RFC 4648, 5). */
export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** The bytes of a base64url text. */
export function fromBase64url(text: string): Uint8Array {
  return Buffer.from(text, 'base64url');
}
