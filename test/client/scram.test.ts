import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { authMessage } from '../../src/auth-message.ts';
import {
  fromBase64url,
  isServerSignature,
  keysFor,
  newNonce,
  parseKdf,
  proofFor,
  saltedPassword,
  signatureFor,
  toBase64url,
} from '../../src/client/scram.ts';

const KDF = 'argon2id$m=19456,t=2,p=1';
const SALT = toBase64url(Buffer.from('0123456789abcdef'));

const asBase64 = (base64url: string) => Buffer.from(base64url, 'base64url').toString('base64');
const asHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('the example of RFC 7677', () => {
  const salted = pbkdf2Sync('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096, 32, 'sha256');
  const message = [
    'n=user,r=rOprNGfwEbeRWgbNEkqO',
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  ].join(',');

  it('gives the proof of the RFC', async () => {
    expect(asBase64(await proofFor(salted, message))).toBe('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=');
  });

  it('gives the server signature of the RFC', async () => {
    const signature = await signatureFor(salted, message);
    expect(asBase64(signature)).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  it('accepts this server signature and no other', async () => {
    const signature = await signatureFor(salted, message);
    expect(await isServerSignature(signature, salted, message)).toBe(true);
    expect(await isServerSignature(signature, salted, `${message} `)).toBe(false);
    expect(await isServerSignature('', salted, message)).toBe(false);
  });
});

describe('a proof', () => {
  it('reveals, to a server with the stored key, the key whose hash it stores', async () => {
    const salted = Buffer.alloc(32, 7);
    const { storedKey } = await keysFor(salted);
    const proof = fromBase64url(await proofFor(salted, 'message'));
    const mask = createHmac('sha256', fromBase64url(storedKey)).update('message').digest();
    const clientKey = proof.map((byte, i) => byte ^ (mask[i] ?? 0));
    expect(createHash('sha256').update(clientKey).digest('base64url')).toBe(storedKey);
  });

  it('is bound to the six strings of the exchange, a line each', () => {
    const exchange = { username: 'ada@example.com', nonce: 'n', kdf: KDF, salt: SALT, seed: 's', id: 'i' };
    expect(authMessage(exchange)).toBe(`i\ns\n${SALT}\n${KDF}\nn\nada@example.com`);
  });

  it('uses a new nonce each time', () => {
    expect(newNonce()).toMatch(/^[\w-]{32}$/);
    expect(newNonce()).not.toBe(newNonce());
  });
});

describe('the salted password', () => {
  it('equals the Argon2id of the reference implementation', async () => {
    const salt = toBase64url(Buffer.from('somesalt'));
    const salted = await saltedPassword('password', salt, 'argon2id$m=65536,t=2,p=1');
    expect(asHex(salted)).toBe('09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7');
  });

  it('is the same for composed and decomposed accents', async () => {
    const composed = await saltedPassword('caf\u00e9 au lait', SALT, KDF);
    const decomposed = await saltedPassword('cafe\u0301 au lait', SALT, KDF);
    expect(asHex(decomposed)).toBe(asHex(composed));
  });

  it('depends on case and spaces', async () => {
    const plain = asHex(await saltedPassword('open sesame', SALT, KDF));
    expect(asHex(await saltedPassword('Open sesame', SALT, KDF))).not.toBe(plain);
    expect(asHex(await saltedPassword('open sesame ', SALT, KDF))).not.toBe(plain);
  });

  it('is never made with a kdf that the page refuses', async () => {
    await expect(saltedPassword('password', SALT, 'argon2id$m=8,t=1,p=1')).rejects.toThrow(RangeError);
  });
});

describe('the kdf', () => {
  it.each([
    ['argon2id$m=19456,t=1,p=1', { memoryKiB: 19456, passes: 1, lanes: 1 }],
    [KDF, { memoryKiB: 19456, passes: 2, lanes: 1 }],
    ['argon2id$m=65536,t=4,p=1', { memoryKiB: 65536, passes: 4, lanes: 1 }],
  ])('%s is accepted', (kdf, cost) => {
    expect(parseKdf(kdf)).toEqual(cost);
  });

  it.each([
    'argon2id$m=19455,t=2,p=1',
    'argon2id$m=65537,t=2,p=1',
    'argon2id$m=99999,t=2,p=1',
    'argon2id$m=1048576,t=2,p=1',
    'argon2id$m=019456,t=2,p=1',
    'argon2id$m=19456,t=0,p=1',
    'argon2id$m=19456,t=5,p=1',
    'argon2id$m=19456,t=2,p=2',
    'argon2id$m=19456,t=2,p=1\n',
    ' argon2id$m=19456,t=2,p=1',
    'argon2id$t=2,m=19456,p=1',
    'argon2i$m=19456,t=2,p=1',
    'pbkdf2$i=4096',
    '',
  ])('%j is refused', (kdf) => {
    expect(parseKdf(kdf)).toBeUndefined();
  });
});

describe('base64url', () => {
  it('has no padding and no character that a form would escape', () => {
    expect(toBase64url(Uint8Array.of(0xfb, 0xff, 0xfe, 0x01))).toBe('-__-AQ');
  });

  it('decodes to the same bytes', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
  });

  it.each(['a+b/', 'YQ==', 'Y Q', 'a'])('refuses %j', (text) => {
    expect(() => fromBase64url(text)).toThrow();
  });
});
