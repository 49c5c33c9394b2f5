import { expect, test } from 'vitest';
import { isE164, maskPhone, toE164 } from '../src/phone.ts';

const RULES = { smsCountries: ['US', 'CA', 'GB'], defaultCountry: 'US' };

test.each([
  ['+12025550123', '+12025550123'],
  ['(202) 555-0123', '+12025550123'],
  ['1-202-555-0123', '+12025550123'],
  [' 202.555.0123 ', '+12025550123'],
  ['+1 416 555 0123', '+14165550123'],
  ['+44 7400 123456', '+447400123456'],
])('%s is %s', (typed, e164) => {
  expect(toE164(typed, RULES)).toBe(e164);
});

test.each([
  ['too short', '555-0123'],
  ['not a number', 'ring me'],
  ['a number in a sentence', 'my number is 202 555 0123'],
  ['with an extension', '202 555 0123 ext. 4'],
  ['of another country', '+33 6 12 34 56 78'],
  ['of another country under +1', '+1 876 555 0123'],
  ['toll-free', '+1 800 555 0199'],
  ['premium', '+1 900 555 0123'],
  ['a fixed line, in a country that separates them', '+44 20 7946 0958'],
  ['premium, in another country', '+44 909 879 0000'],
  ['VoIP, in a country that separates it', '+44 5600 123456'],
  ['a personal number', '+44 7012 345678'],
  ['a personal number under +1', '+1 500 555 0123'],
])('a number that is %s is refused (attack 1)', (_, typed) => {
  expect(toE164(typed, RULES)).toBeUndefined();
});

test('a number without a plus belongs to the default country', () => {
  expect(toE164('07400 123456', { ...RULES, defaultCountry: 'GB' })).toBe('+447400123456');
});

test('only the last four digits are shown, in one format for every country', () => {
  expect(maskPhone('+12025551234')).toBe('X-XXX-XXX-1234');
  expect(maskPhone('+447911123456')).toBe('X-XXX-XXX-3456');
});

test.each([
  ['+12025550123', true],
  ['2025550123', false],
  ['+1 202 555 0123', false],
  ['+1', false],
])('%s is E.164: %s', (number, isIt) => {
  expect(isE164(number)).toBe(isIt);
});
