import { expect, test } from 'vitest';
import { asciiDigits, nameFault, nameIn, sixDigits, wellFormed } from '../src/typed.ts';

test.each([
  ['spaces and tabs', ' \tAnn\u00a0', 'Ann'],
  ['invisible characters at its ends', '\u202a\u200eAnn\u202c\ufeff', 'Ann'],
  ['a soft hyphen and a word joiner at its ends', '\u00adAnn\u2060', 'Ann'],
  ['a joiner at its end', 'Ann\u200d', 'Ann'],
  ['half a surrogate pair', 'Ann\ud83d', 'Ann'],
  ['half a surrogate pair inside', 'An\udc00n', 'Ann'],
  ['decomposed letters', 'Zoe\u0308', 'Zo\u00eb'],
  ['blanks of Braille at its ends', '\u2800Ann\u2800', 'Ann'],
  ['a placeholder of an object at its end', 'Ann\ufffc', 'Ann'],
])('a name with %s is read without them', (_, typed, name) => {
  expect(nameIn(typed)).toBe(name);
  expect(nameFault(name)).toBeUndefined();
});

test.each([
  ['a Persian name with a non-joiner', 'علی\u200cرضا'],
  ['a Malayalam name that ends in a joiner', 'രാജന\u0d4d\u200d'],
  ['a Japanese name with a chosen glyph', '葛\u{e0100}城'],
  ['a Japanese name that ends in a chosen glyph', '城葛\u{e0100}'],
  ['an emoji of several characters', 'Ann 👩\u200d💻'],
  ['a coloured heart at the end', 'Ann ❤\ufe0f'],
  ['an emoji outside the basic plane', 'Ann 😀'],
])('%s stays as it is', (_, name) => {
  expect(nameIn(name)).toBe(name);
  expect(nameFault(name)).toBeUndefined();
});

test.each(['\u2800', '\u2800 \u2800', '\ufffc', '\ufff9\ufffb', '\u3164'])(
  'the blank %o is no name',
  (blank) => {
    expect(nameIn(blank)).toBe('');
  },
);

test('a name in Braille keeps its blank', () => {
  expect(nameIn('\u2801\u2800\u2801')).toBe('\u2801\u2800\u2801');
  expect(nameFault('\u2801\u2800\u2801')).toBeUndefined();
});

test.each(['\ufff9', '\ufffc', '\u200b', '\u202e', '\u2060', '\u00ad', '\u200d', '\u3164', '\u200e'])(
  'an invisible %o inside a name is refused by its name',
  (character) => {
    expect(nameFault(nameIn(`An${character}n`))).toMatch(/invisible character/);
  },
);

test('digits of every script become ASCII digits', () => {
  for (const zero of [0x30, 0x660, 0x6f0, 0x966, 0xff10, 0x1d7ce, 0x1d7d8, 0x1d7f6]) {
    const digits = Array.from({ length: 10 }, (_, value) => String.fromCodePoint(zero + value)).join('');
    expect(asciiDigits(digits)).toBe('0123456789');
  }
  expect(asciiDigits('a½²一')).toBe('a½²一');
});

test.each([
  ['٠١٢٣٤٥'],
  ['۰۱۲۳۴۵'],
  ['０１２３４５'],
  ['०१२३४५'],
  ['0\u200b1\u202a23\ufeff45'],
  ['012.345'],
  ['012_345'],
  ['012 345'],
  ['012\u2800345\ufffc'],
  ['0-1–2—3−4‑5'],
  ['０１２．３４５'],
  [' 012\u00a0345 '],
])('%o is the code 012345', (typed) => {
  expect(sixDigits(typed)).toBe('012345');
});

test.each(['', '12345', '1234567', '12345a', '½12345', '#123456', '1 message 23456'])(
  '%o is not a code',
  (typed) => {
    expect(sixDigits(typed)).toBeUndefined();
  },
);

test('text without lone surrogates stays as it is', () => {
  expect(wellFormed('a😀b')).toBe('a😀b');
  expect(() => encodeURIComponent(wellFormed('\udc00a\ud83d😀\ud83d'))).not.toThrow();
});
