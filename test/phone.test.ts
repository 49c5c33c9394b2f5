import { expect, test } from 'vitest';
import {
  countryOf,
  groupedNumber,
  groupedWhileTyped,
  haveCallingCodes,
  isE164,
  maskPhone,
  readPhone,
} from '../src/phone.ts';

const RULES = { smsCountries: ['US', 'CA', 'GB'], defaultCountry: 'US' };

test.each([
  ['+12025550123', '+12025550123'],
  ['(202) 555-0123', '+12025550123'],
  ['1-202-555-0123', '+12025550123'],
  [' 202.555.0123 ', '+12025550123'],
  ['+1 416 555 0123', '+14165550123'],
  ['+44 7400 123456', '+447400123456'],
])('%s is %s', (typed, e164) => {
  expect(readPhone(typed, RULES)).toEqual({ e164 });
});

test.each([
  ['\u202a+1 202 555 0123\u202c', '+12025550123'],
  ['\u200e+1 (202) 555‑0123', '+12025550123'],
  ['\ufeff202-555-0123', '+12025550123'],
  ['\u2068202\u2060555\u200b0123\u2069', '+12025550123'],
  [' +1 202 555 0123', '+12025550123'],
  ['\t202\t555\t0123', '+12025550123'],
  ['\u00a0+1\u202f202\u2009555\u30000123', '+12025550123'],
  ['(+1) 202-555-0123', '+12025550123'],
  ['+1/202.555−0123', '+12025550123'],
  ['tel:+1-202-555-0123', '+12025550123'],
  ['TEL: 202 555 0123', '+12025550123'],
  ['011 1 202 555 0123', '+12025550123'],
  ['00 1 202 555 0123', '+12025550123'],
  ['011 44 7400 123456', '+447400123456'],
  ['00447400123456', '+447400123456'],
  ['+44 (0) 7400 123456', '+447400123456'],
  ['＋１（２０２）５５５－０１２３', '+12025550123'],
  ['٢٠٢ ٥٥٥ ٠١٢٣', '+12025550123'],
  ['+۱ ۲۰۲ ۵۵۵ ۰۱۲۳', '+12025550123'],
  ['202\u2800555\ufffc0123', '+12025550123'],
])('the pasted %o is %s', (typed, e164) => {
  expect(readPhone(typed, RULES)).toEqual({ e164 });
});

test('00 is for foreign numbers in each default country', () => {
  for (const defaultCountry of ['US', 'GB', 'DE', 'JP']) {
    const rules = { smsCountries: ['US', 'DE'], defaultCountry };
    expect(readPhone('0012025550123', rules)).toEqual({ e164: '+12025550123' });
  }
});

test.each([
  ['too short', '555-0123', 'no_number'],
  ['empty', ' \u200b', 'no_number'],
  ['not a number', 'ring me', 'no_number'],
  ['a number in a sentence', 'my number is 202 555 0123', 'no_number'],
  ['two numbers', '+1 202 555 0123 +1 202 555 0124', 'no_number'],
  ['with an extension', '202 555 0123 ext. 4', 'no_number'],
  ['with a parameter', 'tel:+12025550123;ext=4', 'no_number'],
  ['of another country', '+33 6 12 34 56 78', 'other_country'],
  ['of another country after 00', '0033 6 12 34 56 78', 'other_country'],
  ['of another country under +1', '+1 876 555 0123', 'other_country'],
  ['of a territory of the United States', '+1 787 555 0123', 'other_country'],
  ['toll-free', '+1 800 555 0199', 'not_mobile'],
  ['premium', '+1 900 555 0123', 'not_mobile'],
  ['a fixed line, in a country that separates them', '+44 20 7946 0958', 'not_mobile'],
  ['premium, in another country', '+44 909 879 0000', 'not_mobile'],
  ['shared-cost, in another country', '+44 843 012 3456', 'not_mobile'],
  ['VoIP, in a country that separates it', '+44 5600 123456', 'not_mobile'],
  ['a personal number', '+44 7012 345678', 'not_mobile'],
  ['a personal number under +1', '+1 500 555 0123', 'not_mobile'],
  ['of the whole world', '+800 1234 5678', 'not_mobile'],
])('a number that is %s is refused with its reason (attack 1)', (_, typed, fault) => {
  expect(readPhone(typed, RULES)).toEqual({ fault });
});

test.each(['212', '416', '624'])(
  'a premium number of the exchange 976 in area code %s is refused (attack 1)',
  (areaCode) => {
    expect(readPhone(`(${areaCode}) 976-5550`, RULES)).toEqual({ fault: 'not_mobile' });
  },
);

test('an exchange, or last digits, that only look like 976 get messages', () => {
  for (const number of ['+12129755550', '+12122976555', '+12123339765']) {
    expect(readPhone(number, RULES)).toEqual({ e164: number });
  }
});

test.each(['861', '624', '679'])('a number of the new area code %s gets messages', (areaCode) => {
  const e164 = `+1${areaCode}2025550`;
  expect(readPhone(`(${areaCode}) 202-5550`, RULES)).toEqual({ e164 });
  expect(countryOf(e164)).toBe('US');
  expect(readPhone(e164, { smsCountries: ['CA'], defaultCountry: 'CA' })).toEqual({ fault: 'other_country' });
});

test('a number of a new area code has the form of a number', () => {
  for (const typed of ['+1 861 155 5012', '+1 861 055 5012', '861 202 555']) {
    expect(readPhone(typed, RULES)).toEqual({ fault: 'no_number' });
  }
});

/** The countries of +1 by area code, the services, and what is held back for them. The metadata of libphonenumber has most of them. */
const NEVER = {
  'other countries':
    '242 246 264 268 284 340 345 441 473 649 658 664 670 671 684 721 758 767 784 787 809 829 849 868 869 876 939',
  'toll-free calls': '800 822 833 844 855 866 877 880 881 882 883 884 885 886 887 888 889',
  'premium calls': '900 976',
  'personal numbers':
    '500 521 522 523 524 525 526 527 528 529 532 533 535 538 542 543 544 545 546 547 549 550 552 553 554 556 566 569 577 578 588 589',
  'other services': '211 311 411 456 511 555 600 611 622 633 644 655 677 688 700 710 711 811 911 950',
  'a later plan': '290 295 370 379 390 490 592 690 799 895 960 969 990 999',
};

test.each(Object.entries(NEVER))('no area code for %s is taken for a new one (attack 1)', (_, areaCodes) => {
  for (const areaCode of areaCodes.split(' ')) {
    for (let exchange = 200; exchange < 1000; exchange += 1) {
      expect(readPhone(`+1${areaCode}${exchange}4567`, RULES)).toHaveProperty('fault');
    }
  }
});

test('a number without a plus belongs to the default country', () => {
  expect(readPhone('07400 123456', { ...RULES, defaultCountry: 'GB' })).toEqual({ e164: '+447400123456' });
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

test.each([
  ['2025550', '(202) 555-0'],
  ['(202) 555-01', '(202) 555-01'],
  ['+447400123', '+44 7400 123'],
  ['07911 12', '07911 12'],
  ['202 ', '202 '],
  ['tel:202', 'tel:202'],
])('while a user in the US types %j, it reads %j', (typed, grouped) => {
  expect(groupedWhileTyped(typed, 'US')).toBe(grouped);
});

test('a number in groups is read as the same number', () => {
  expect(groupedNumber('+12025550123')).toBe('+1 202 555 0123');
  expect(groupedNumber('+447400123456')).toBe('+44 7400 123456');
});

test('countries have calling codes to choose from if these differ', () => {
  expect(haveCallingCodes(['US', 'CA', 'PR'])).toBe(false);
  expect(haveCallingCodes(['US', 'GB'])).toBe(true);
});
