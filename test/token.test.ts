import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { hashOf, randomToken, timedId, timedToken } from '../src/token.ts';

const NOW = Date.UTC(2026, 10, 27);
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url');

describe('ids and tokens that begin with the time', () => {
  test('an id is 16 bytes: six of the time and ten that nobody can foresee', () => {
    const ids = Array.from({ length: 1000 }, () => Buffer.from(timedId(randomBytes, NOW), 'base64url'));
    for (const id of ids) {
      expect(id.length).toBe(16);
      expect(id.readUIntBE(0, 6)).toBe(NOW);
    }
    expect(new Set(ids.map((id) => id.toString('hex', 6))).size).toBe(1000);
  });

  test('a token has all its 32 secret bytes behind the time', () => {
    const tokens = Array.from({ length: 1000 }, () => timedToken(randomBytes, NOW));
    for (const token of tokens) {
      expect(Number.parseInt(token.slice(0, 12), 16)).toBe(NOW);
      expect(Buffer.from(token.slice(12), 'base64url').length).toBe(32);
    }
    expect(new Set(tokens.map((token) => token.slice(12))).size).toBe(1000);
  });

  test('what a store keeps of tokens lies in the order of their times', () => {
    const times = [0, 15, 16, NOW, NOW + 1, NOW + 255, NOW + 4096, NOW + 1e12];
    const hashes = times.map((ms) => hashOf(timedToken(randomBytes, ms)));
    expect([...hashes].sort()).toEqual(hashes);
  });
});

describe('what a store keeps of a token', () => {
  test('is its hash, behind the time where it has one', () => {
    const token = timedToken(randomBytes, NOW);
    expect(hashOf(token)).toBe(token.slice(0, 12) + sha256(token));
    expect(hashOf(token)).not.toContain(token.slice(12));
  });

  test('of tokens without a time, as those of flows and of former versions, is the hash alone', () => {
    for (const size of [16, 32]) {
      const token = randomToken(randomBytes, size);
      expect(hashOf(token)).toBe(sha256(token));
    }
  });
});
