import { domainToUnicode } from 'node:url';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalEmail, emailFault, emailIn, formerEmail } from '../src/email.ts';

const canonical = (typed: string) => canonicalEmail(typed, domainToUnicode);
const SEED = Number(process.env.SEED);

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
  [
    'a final sigma in a domain, which is another domain',
    'mike@\u03bf\u03b4\u03bf\u03c2.gr',
    'mike@\u03bf\u03b4\u03bf\u03c3.gr',
  ],
])('%s belong to another account (attack 26)', (_, twin, other) => {
  expect(canonical(twin)).not.toBe(canonical(other));
});

test('a canonical address does not change again', () => {
  for (const typed of [' \u0130Ss\u00df@Example.com', 'A\u030a@x', '\u212b@x']) {
    expect(canonicalEmail(canonicalEmail(typed))).toBe(canonicalEmail(typed));
  }
});

const PASTED: [string, string][] = [
  ['direction marks', '\u202aann@example.com\u202c'],
  ['isolates', '\u2068ann@example.com\u2069'],
  ['a zero-width space', 'ann@example.com\u200b'],
  ['a byte order mark', '\ufeffann@example.com'],
  ['left-to-right and right-to-left marks', '\u200eann@example.com\u200f'],
  ['a word joiner and a soft hyphen', '\u2060ann@example.com\u00ad'],
  ['mixed blanks and marks', ' \u200b\u00a0ann@example.com \u202c\t'],
  ['a blank of Braille and a placeholder of an object', '\u2800ann@example.com\ufffc'],
  ['the scheme of a link', 'mailto:ann@example.com'],
  ['the scheme and the subject of a link', 'MAILTO:Ann@example.com?subject=Hello'],
  ['angle brackets', '<ann@example.com>'],
  ['a name', 'Ann Lee <ann@example.com>'],
  ['a quoted name', '"Lee, Ann" <ann@example.com>\u200b'],
  ['a scheme in angle brackets', '<mailto:ann@example.com>'],
];

test.each(PASTED)('an address that was pasted with %s is the address that is typed', (_, pasted) => {
  expect(emailIn(pasted).toLowerCase()).toBe('ann@example.com');
  expect(canonical(pasted)).toBe('ann@example.com');
  expect(emailFault(pasted)).toBeUndefined();
});

test.each([
  ['Greek capitals', 'ΟΔΟΣ.ΜΑΡΙΑΣ@example.com', 'οδος.μαριας@example.com'],
  ['a sigma that the user typed as inside a word', 'οδοσ.μαριασ@example.com', 'οδος.μαριας@example.com'],
  ['a domain in punycode', 'ann@xn--bcher-kva.example', 'ann@bücher.example'],
  ['a domain in capitals', 'ann@BÜCHER.example', 'ann@bücher.example'],
])('%s belong to the account of the usual spelling', (_, typed, usual) => {
  expect(canonical(typed)).toBe(usual);
  expect(canonical(usual)).toBe(usual);
});

test.each([
  'ann@example.com',
  'a.n+n_tag@mail.example.co.uk',
  "o'neil@example.com",
  'σοφία@example.gr',
  'οδος@παράδειγμα.δοκιμή',
  'ann@straße.de',
  'user@localhost',
  'ann.@docomo.ne.jp',
  '用户@例子.广告',
])('%s is stored as before, so its account is found by one look-up', (address) => {
  expect(emailFault(address)).toBeUndefined();
  expect(canonical(address)).toBe(formerEmail(address));
});

test.each([
  'ann',
  'ann@',
  '@example.com',
  'ann@b..co',
  'ann@.example.com',
  'ann@example.com.',
  'ann@@example.com',
  'ann@home@example.com',
  'ann lee@example.com',
  'ann@exam ple.com',
  'ann\u00a0lee@example.com',
  'ann@-example.com',
  'ann@[127.0.0.1]',
  '"ann"@example.com',
  'ann,bob@example.com',
  'ann@example.com,bob@example.com',
  '<<ann@example.com>>',
  `${'a'.repeat(65)}@example.com`,
  '',
])('refuses a new account with the address %o', (address) => {
  expect(emailFault(address)).toMatch(/like name@example\.com/);
});

test.each(['\u200b', '\u202a', '\u00ad', '\u2060', '\ufeff', '\u200d', '\ufe0f', '\u2800', '\ufffc'])(
  'an invisible %o inside is refused by its name, and dropped in a look-up',
  (character) => {
    const address = `an${character}n@exam${character}ple.com`;
    expect(emailFault(address)).toMatch(character === '\ufeff' ? /invisible/ : /invisible character/);
    expect(canonical(address)).toBe('ann@example.com');
  },
);

/** Address-like texts with capitals, marks, sigmas and domains of every kind. */
const address = fc
  .tuple(
    fc.string({ unit: fc.constantFrom(...'aZσςΣİßé.+\u0307\u200b\u202a<> ', 'ﬁ'), maxLength: 8 }),
    fc.constantFrom(
      'example.com',
      'BÜCHER.example',
      'xn--bcher-kva.example',
      'faß.de',
      'xn--zz99',
      'b..co',
      '1',
    ),
    fc.string({ unit: fc.constantFrom(...'> \u202c\u200b?', 'é', 'Σ'), maxLength: 3 }),
  )
  .map(([local, domain, end]) => `${local}@${domain}${end}`);

test('the address of an old account and what is typed for it have one canonical form', () => {
  const property = fc.property(address, (typed) => {
    fc.pre(emailFault(typed) === undefined);
    expect(canonical(formerEmail(typed))).toBe(canonical(typed));
    expect(canonical(canonical(typed))).toBe(canonical(typed));
    expect(formerEmail(canonical(typed))).toBe(canonical(typed));
  });
  fc.assert(property, { numRuns: 300, seed: SEED });
});

test('capitals of Greek letters are the account of the small ones', () => {
  const local = fc.string({ unit: fc.constantFrom(...'αάσςω.-_1+'), minLength: 1, maxLength: 10 });
  const property = fc.property(local, (typed) => {
    const address = `${typed}@example.com`;
    expect(canonical(address.toUpperCase())).toBe(canonical(address));
  });
  fc.assert(property, { numRuns: 300, seed: SEED });
});
