import { expect, test } from 'vitest';
import { canonicalEmail } from '../src/email.ts';

test.each([
  ['spaces around it', ' ann@example.com ', 'ann@example.com'],
  ['capitals', 'Ann@Example.COM', 'ann@example.com'],
  ['composed and decomposed letters', 'zoe\u0308@example.com', 'zo\u00eb@example.com'],
  [
    'a capital that only decomposes in lower case',
    '\u0130@example.com',
    canonicalEmail('i\u0307@example.com'),
  ],
])('%s belong to the same account', (_, typed, canonical) => {
  expect(canonicalEmail(typed)).toBe(canonical);
});

test.each([
  ['a dotless i', 'm\u0131ke@example.com', 'mike@example.com'],
  ['fullwidth letters', '\uff4dike@example.com', 'mike@example.com'],
  ['an accent', 'm\u00ecke@example.com', 'mike@example.com'],
  ['a long s', 'ro\u017fe@example.com', 'rose@example.com'],
])('%s belong to another account (attack 26)', (_, twin, other) => {
  expect(canonicalEmail(twin)).not.toBe(canonicalEmail(other));
});

test('a canonical address does not change again', () => {
  for (const typed of [' \u0130Ss\u00df@Example.com', 'A\u030a@x', '\u212b@x']) {
    expect(canonicalEmail(canonicalEmail(typed))).toBe(canonicalEmail(typed));
  }
});
