import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { expect, test } from 'vitest';
import { authMessage } from '../src/auth-message.ts';
import * as page from '../src/client/scram.ts';
import { isProof, KDF, signatureFor } from '../src/scram.ts';

// RFC 7677, section 3.
const RFC_MESSAGE =
  'n=user,r=rOprNGfwEbeRWgbNEkqO,' +
  'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,' +
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const RFC_SALTED = pbkdf2Sync(
  'pencil',
  Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  4096,
  32,
  'sha256',
);
const RFC_PROOF = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
const RFC_SIGNATURE = Buffer.from('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'base64');

const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest();
const storedKey = createHash('sha256').update(hmac(RFC_SALTED, 'Client Key')).digest();
const serverKey = hmac(RFC_SALTED, 'Server Key');

test("the server accepts the proof of RFC 7677's example", () => {
  expect(isProof(RFC_PROOF, storedKey, RFC_MESSAGE)).toBe(true);
});

test("the server returns the signature of RFC 7677's example", () => {
  expect(signatureFor(serverKey, RFC_MESSAGE)).toEqual(RFC_SIGNATURE);
});

test('a proof is wrong if one bit of it or of the key changes, or if the message changes', () => {
  const flipped = (bytes: Buffer, bit: number) =>
    bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
  for (let bit = 0; bit < 256; bit += 1) {
    expect(isProof(flipped(RFC_PROOF, bit), storedKey, RFC_MESSAGE)).toBe(false);
    expect(isProof(RFC_PROOF, flipped(storedKey, bit), RFC_MESSAGE)).toBe(false);
  }
  expect(isProof(RFC_PROOF, storedKey, `${RFC_MESSAGE} `)).toBe(false);
});

test('the page and the server agree on a whole exchange', async () => {
  const exchange = {
    id: 'id',
    seed: 'seed',
    salt: Buffer.alloc(16, 3).toString('base64url'),
    kdf: KDF,
    nonce: page.newNonce(),
    username: ' Zoë@example.com',
  };
  const salted = await page.saltedPassword('correct horse', exchange.salt, exchange.kdf);
  const keys = await page.keysFor(salted);
  const message = authMessage(exchange);
  // Page and server share `authMessage`, so the six strings are joined here once more.
  const { id, seed, salt, kdf, nonce, username } = exchange;
  expect(message).toBe([id, seed, salt, kdf, nonce, username].join('\n'));

  const proof = await page.proofFor(salted, message);
  expect(isProof(Buffer.from(proof, 'base64url'), Buffer.from(keys.storedKey, 'base64url'), message)).toBe(
    true,
  );
  const signature = signatureFor(Buffer.from(keys.serverKey, 'base64url'), message).toString('base64url');
  expect(await page.isServerSignature(signature, salted, message)).toBe(true);
  expect(await page.isServerSignature(signature, salted, `${message}x`)).toBe(false);
});
