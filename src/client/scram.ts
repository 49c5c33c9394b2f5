/**
 * The page's half of SCRAM (RFC 5802, RFC 7677) with Argon2id in place of PBKDF2. It uses hash-wasm, because browsers
 * disable WebCrypto on pages with plain http names.
 */
import { argon2, loadHashes } from './argon2-worker.ts';

/** The cost of Argon2id: memory in KiB, passes over it, lanes. */
export interface Kdf {
  memoryKiB: number;
  passes: number;
  lanes: 1;
}

/** The two keys that the server stores in place of a password, 32 bytes each in base64url. */
export interface Keys {
  storedKey: string;
  serverKey: string;
}

const MIN_MEMORY_KIB = 19_456;
const MAX_MEMORY_KIB = 65_536;

const utf8 = new TextEncoder();

/** Encodes bytes as base64url without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Decodes base64url without padding; throws on anything else. */
export function fromBase64url(text: string): Uint8Array {
  if (!/^[\w-]*$/.test(text)) throw new SyntaxError('not base64url');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Returns a new nonce: 24 random bytes, 32 characters of base64url. */
export function newNonce(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(24)));
}

/** Parses `argon2id$m=…,t=…,p=…`. Returns undefined for any other form, and for a cost that is too low or too high. */
export function parseKdf(kdf: string): Kdf | undefined {
  const found = /^argon2id\$m=([1-9]\d{4}),t=([1-4]),p=1$/.exec(kdf);
  if (!found) return undefined;
  const memoryKiB = Number(found[1]);
  if (memoryKiB < MIN_MEMORY_KIB || memoryKiB > MAX_MEMORY_KIB) return undefined;
  return { memoryKiB, passes: Number(found[2]), lanes: 1 };
}

/** Returns SaltedPassword, 32 bytes, of the password in NFC; throws a RangeError for a kdf that `parseKdf` refuses. */
export async function saltedPassword(password: string, salt: string, kdf: string): Promise<Uint8Array> {
  const cost = parseKdf(kdf);
  if (!cost) throw new RangeError(`refused kdf: ${kdf}`);
  return argon2({ password: utf8.encode(password.normalize('NFC')), salt: fromBase64url(salt), ...cost });
}

/** Returns StoredKey and ServerKey, which sign-up and reset send to the server. */
export async function keysFor(salted: Uint8Array): Promise<Keys> {
  const { hmac, sha256 } = await loadHashes();
  const storedKey = await sha256(await hmac(salted, 'Client Key'));
  const serverKey = await hmac(salted, 'Server Key');
  return { storedKey: toBase64url(storedKey), serverKey: toBase64url(serverKey) };
}

/** Returns ClientProof in base64url: it proves that the user knows the password, for this AuthMessage only. */
export async function proofFor(salted: Uint8Array, message: string): Promise<string> {
  const { hmac, sha256 } = await loadHashes();
  const clientKey = await hmac(salted, 'Client Key');
  const signature = await hmac(await sha256(clientKey), message);
  return toBase64url(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)));
}

/** Returns ServerSignature in base64url: only a server that has the account's ServerKey can compute it. */
export async function signatureFor(salted: Uint8Array, message: string): Promise<string> {
  const { hmac } = await loadHashes();
  return toBase64url(await hmac(await hmac(salted, 'Server Key'), message));
}

/** Returns true if `signature` is the ServerSignature for this AuthMessage. */
export async function isServerSignature(
  signature: string,
  salted: Uint8Array,
  message: string,
): Promise<boolean> {
  return signature === (await signatureFor(salted, message));
}
