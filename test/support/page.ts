import { createHash, createHmac } from 'node:crypto';

/** The page's keys for a password, made with SHA-256 in place of Argon2id: the server can't tell the difference. */
export interface PageKeys {
  clientKey: Buffer;
  storedKey: Buffer;
  serverKey: Buffer;
}

const hmac = (key: Buffer, message: string) => createHmac('sha256', key).update(message).digest();

/** Returns the keys of a password with a salt. */
export function keysOf(password: string, salt: string): PageKeys {
  const salted = createHash('sha256').update(`${salt}\n${password}`).digest();
  const clientKey = hmac(salted, 'Client Key');
  return {
    clientKey,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: hmac(salted, 'Server Key'),
  };
}

/** Returns the two keys as a sign-up or a reset sends them. */
export function newKeys(password: string, salt: string): { storedKey: string; serverKey: string } {
  const { storedKey, serverKey } = keysOf(password, salt);
  return { storedKey: storedKey.toString('base64url'), serverKey: serverKey.toString('base64url') };
}

export const NONCE = 'abcdefghijklmnopqrstuv';

/** Returns the fields of a login, and the signature that a server with the account's keys answers. */
export function proofFor(
  password: string,
  username: string,
  { id, seed, salt, kdf }: { id: string; seed: string; salt: string; kdf: string },
): { id: string; nonce: string; proof: string; signature: string } {
  const { clientKey, storedKey, serverKey } = keysOf(password, salt);
  const message = [id, seed, salt, kdf, NONCE, username].join('\n');
  const mask = hmac(storedKey, message);
  return {
    id,
    nonce: NONCE,
    proof: Buffer.from(clientKey.map((byte, index) => byte ^ (mask[index] ?? 0))).toString('base64url'),
    signature: hmac(serverKey, message).toString('base64url'),
  };
}
