import { expect, test } from 'vitest';
import { pooledRandomBytes } from '../src/random.ts';

test('random bytes have the length that was asked for, and no two draws are alike', () => {
  const randomBytes = pooledRandomBytes();
  const draws = Array.from({ length: 1000 }, (_, index) => randomBytes(16 + (index % 17)));
  expect(draws.every((bytes, index) => bytes.length === 16 + (index % 17))).toBe(true);
  expect(new Set(draws.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(1000);
});

test('random bytes stay as they are while others are drawn', () => {
  const randomBytes = pooledRandomBytes();
  const first = randomBytes(32);
  const before = Buffer.from(first);
  for (let draw = 0; draw < 500; draw += 1) randomBytes(32);
  expect(Buffer.from(first)).toEqual(before);
});

test('every bit is random', () => {
  const randomBytes = pooledRandomBytes();
  const ones = Array.from({ length: 256 }, () => 0);
  for (let draw = 0; draw < 2000; draw += 1) {
    for (const [index, byte] of randomBytes(32).entries()) {
      for (let bit = 0; bit < 8; bit += 1)
        ones[index * 8 + bit] = (ones[index * 8 + bit] ?? 0) + ((byte >> bit) & 1);
    }
  }
  // Seven standard deviations about the half.
  expect(Math.min(...ones)).toBeGreaterThan(1000 - 157);
  expect(Math.max(...ones)).toBeLessThan(1000 + 157);
});
