import fc from 'fast-check';
import { expect } from 'vitest';
import { passcodeIn } from '../../src/client/passcode.ts';
import { readPhone } from '../../src/phone.ts';
import { sixDigits, wellFormed } from '../../src/typed.ts';
import { site } from '../support/site.ts';
import { PASSWORD } from '../support/world.ts';

const SEED = Number(process.env.SEED);

const INVISIBLE = [
  ...'\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u202e\u2060\u2066\u2069\ufe0f\ufeff',
];
const BLANKS = [...' \t\u00a0\u1680\u2003\u202f\u3000'];

/** A text that a user could copy with what was typed: nothing visible, or any characters. */
const unseen = fc.string({ unit: fc.constantFrom(...INVISIBLE, ...BLANKS), maxLength: 4 });
const anything = fc.oneof(
  { weight: 3, arbitrary: unseen },
  { weight: 1, arbitrary: fc.constantFrom('mailto:', '<', '>', 'Ann <', 'tel:', '.', ',', '"', '?x') },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: 'binary', minLength: 1, maxLength: 3 })
      .filter((text) => !/[+\p{N}]/u.test(text)),
  },
);

const surrounded = (plain: string) =>
  fc.tuple(anything, anything, anything, anything).map((parts) => {
    const [first, second, third, fourth] = parts;
    return `${first}${second}${plain}${third}${fourth}`;
  });

/** Signs up with surrounded addresses. Each is refused, belongs to the plain address, or looks different. */
export async function checkTypedAddresses(numRuns: number): Promise<void> {
  const { visitor } = site({ policy: { signupsPerHour: 1e9, requestsPerMinute: 1e9 } });
  const ends = { refused: 0, plain: 0, other: 0 };
  let accounts = 0;
  const property = fc.asyncProperty(
    fc.nat().chain(() => surrounded('ann@example.com')),
    async (around) => {
      accounts += 1;
      const plain = `ann${accounts}@example.com`;
      const typed = wellFormed(around).replace('ann@example.com', plain);
      const signedUp = await visitor().signUp(typed);
      if (signedUp.status === 400) {
        ends.refused += 1;
        expect(signedUp.body.status).toBe('invalid');
        return;
      }
      expect(signedUp.status).toBe(201);
      const looksPlain = typed.replace(/[\s\p{DI}]/gu, '') === plain;
      const byPlain = (await visitor().signIn(PASSWORD, plain)).body.status;
      const bySame = (await visitor().signIn(PASSWORD, typed)).body.status;
      expect(bySame).toBe('ok');
      if (looksPlain) expect(byPlain).toBe('ok');
      if (byPlain === 'ok') ends.plain += 1;
      else ends.other += 1;
    },
  );
  await fc.assert(property, { numRuns, seed: SEED });
  expect(ends.refused).toBeGreaterThan(0);
  expect(ends.plain).toBeGreaterThan(0);
}

/** A typed number is read as itself, or refused. */
export function checkTypedPhones(numRuns: number): void {
  const rules = { smsCountries: ['US', 'CA'], defaultCountry: 'US' };
  const ends = { read: 0, refused: 0 };
  const digits = fc.constantFrom('+1 202 555 0123', '2025550123', '(202) 555-0123', '1.202.555.0123');
  const property = fc.property(digits.chain(surrounded), (typed) => {
    const read = readPhone(typed, rules);
    if ('fault' in read) ends.refused += 1;
    else ends.read += 1;
    if ('e164' in read) expect(read.e164).toBe('+12025550123');
    const isUnseen = /^[\s\p{DI}]*[+(]?[\d\s().-]+[\s\p{DI}]*$/u.test(typed);
    if (isUnseen) expect(read).toEqual({ e164: '+12025550123' });
  });
  fc.assert(property, { numRuns, seed: SEED });
  expect(Math.min(ends.read, ends.refused)).toBeGreaterThan(0);
}

/** A typed code is read as itself in the page and on the server, or refused. */
export function checkTypedCodes(numRuns: number): void {
  const zeros = [0x30, 0x660, 0x6f0, 0x966, 0xff10, 0x1d7f6];
  const separators = fc.constantFrom('', '', ...INVISIBLE, ...BLANKS, '-', '.', '_', '\u2013');
  const code = fc
    .tuple(
      fc.constantFrom(...zeros),
      fc.array(fc.nat(9), { minLength: 6, maxLength: 6 }),
      fc.array(separators, { minLength: 7, maxLength: 7 }),
    )
    .map(([zero, values, gaps]) => ({
      plain: values.join(''),
      typed: gaps
        .map(
          (gap, index) =>
            gap + (values[index] === undefined ? '' : String.fromCodePoint(zero + values[index])),
        )
        .join(''),
    }));
  const separated = fc.property(code, ({ plain, typed }) => {
    expect(sixDigits(typed)).toBe(plain);
    expect(passcodeIn(typed)).toBe(plain);
  });
  fc.assert(separated, { numRuns, seed: SEED });

  const around = fc.property(surrounded('012345'), (typed) => {
    expect([undefined, '012345']).toContain(sixDigits(typed));
    expect([undefined, '012345']).toContain(passcodeIn(typed));
  });
  fc.assert(around, { numRuns, seed: SEED });
}
