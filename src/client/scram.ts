/**
 * The page's half of SCRAM (RFC 5802, RFC 7677) with Argon2id in place of PBKDF2. It uses hash-wasm and not WebCrypto,
 * which browsers withhold from pages on plain http names.
 */
import { loadHashes, stretched } from './thread.ts';

export { authMessage } from '../auth-message.ts';

/** What Argon2id is to cost: memory in KiB, passes over it, lanes. */
export interface Kdf {
  memoryKiB: number;
  passes: number;
  lanes: 1;
}

/** The two keys that a server keeps in place of a password, 32 bytes each in base64url. */
export interface Keys {
  storedKey: string;
  serverKey: string;
}

const LEAST_MEMORY_KIB = 19_456;
const MOST_MEMORY_KIB = 65_536;

const utf8 = new TextEncoder();

/** Bytes as base64url without padding. */
export function toBase64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** The bytes of base64url without padding; throws on anything else. */
export function fromBase64url(text: string): Uint8Array {
  if (!/^[\w-]*$/.test(text)) throw new SyntaxError('not base64url');
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** A fresh nonce: 24 random bytes, 32 characters of base64url. */
export function newNonce(): string {
  return toBase64url(crypto.getRandomValues(new Uint8Array(24)));
}

/** Reads `argon2id$m=…,t=…,p=…`; undefined where it is another form, too weak to accept or too heavy to run. */
export function parseKdf(kdf: string): Kdf | undefined {
  const found = /^argon2id\$m=([1-9]\d{4}),t=([1-4]),p=1$/.exec(kdf);
  if (!found) return undefined;
  const memoryKiB = Number(found[1]);
  if (memoryKiB < LEAST_MEMORY_KIB || memoryKiB > MOST_MEMORY_KIB) return undefined;
  return { memoryKiB, passes: Number(found[2]), lanes: 1 };
}

/** SaltedPassword, 32 bytes, of the password in NFC; throws a RangeError for a kdf that `parseKdf` refuses. */
export async function saltedPassword(password: string, salt: string, kdf: string): Promise<Uint8Array> {
  const cost = parseKdf(kdf);
  if (!cost) throw new RangeError(`refused kdf: ${kdf}`);
  return stretched({ password: utf8.encode(password.normalize('NFC')), salt: fromBase64url(salt), ...cost });
}

/** StoredKey and ServerKey, which sign-up and reset hand to the server. */
export async function keysFor(salted: Uint8Array): Promise<Keys> {
  const { hmac, sha256 } = await loadHashes();
  const storedKey = await sha256(await hmac(salted, 'Client Key'));
  const serverKey = await hmac(salted, 'Server Key');
  return { storedKey: toBase64url(storedKey), serverKey: toBase64url(serverKey) };
}

/** ClientProof in base64url: shows that the password is known, for this AuthMessage alone. */
export async function proofFor(salted: Uint8Array, message: string): Promise<string> {
  const { hmac, sha256 } = await loadHashes();
  const clientKey = await hmac(salted, 'Client Key');
  const signature = await hmac(await sha256(clientKey), message);
  return toBase64url(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)));
}

/** ServerSignature in base64url: what only a server that holds the account's ServerKey can answer. */
export async function signatureFor(salted: Uint8Array, message: string): Promise<string> {
  const { hmac } = await loadHashes();
  return toBase64url(await hmac(await hmac(salted, 'Server Key'), message));
}

/** True when `signature` is the server's own for this AuthMessage. */
export async function isServerSignature(
  signature: string,
  salted: Uint8Array,
  message: string,
): Promise<boolean> {
  return signature === (await signatureFor(salted, message));
}
