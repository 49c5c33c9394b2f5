import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hashOf, madeAtMs, randomToken, timedId, timedToken } from '../src/token.ts';

const NOW = Date.UTC(2026, 10, 27);
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url');

describe('ids and tokens that begin with the time', () => {
  test('an id has six bytes of the time, then ten random bytes', () => {
    const ids = Array.from({ length: 1000 }, () => Buffer.from(timedId(randomBytes, NOW), 'base64url'));
    for (const id of ids) {
      expect(id.length).toBe(16);
      expect(id.readUIntBE(0, 6)).toBe(NOW);
    }
    expect(new Set(ids.map((id) => id.toString('hex', 6))).size).toBe(1000);
  });

  test('a token has the time, then 32 random bytes', () => {
    const tokens = Array.from({ length: 1000 }, () => timedToken(randomBytes, NOW));
    for (const token of tokens) {
      expect(Number.parseInt(token.slice(0, 12), 16)).toBe(NOW);
      expect(Buffer.from(token.slice(12), 'base64url').length).toBe(32);
    }
    expect(new Set(tokens.map((token) => token.slice(12))).size).toBe(1000);
  });

  test('the time of a token can be read, and is 0 if the token has none', () => {
    expect(madeAtMs(timedToken(randomBytes, NOW))).toBe(NOW);
    for (const token of ['', 'A'.repeat(43), `${'g'.repeat(12)}${'A'.repeat(43)}`])
      expect(madeAtMs(token)).toBe(0);
  });

  test('the stored hashes of tokens sort by time', () => {
    const times = [0, 15, 16, NOW, NOW + 1, NOW + 255, NOW + 4096, NOW + 1e12];
    const hashes = times.map((ms) => hashOf(timedToken(randomBytes, ms)));
    expect([...hashes].sort()).toEqual(hashes);
  });
});

describe('the stored hash of a token', () => {
  test('starts with the time of the token, if it has one', () => {
    const token = timedToken(randomBytes, NOW);
    expect(hashOf(token)).toBe(token.slice(0, 12) + sha256(token));
    expect(hashOf(token)).not.toContain(token.slice(12));
  });

  test('has no time if the token has none, such as a flow or an old token', () => {
    for (const size of [16, 32]) {
      const token = randomToken(randomBytes, size);
      expect(hashOf(token)).toBe(sha256(token));
    }
  });
});
