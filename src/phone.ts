import {
  AsYouType,
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  Metadata,
  type PhoneNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';

/** The countries that get messages, and the country of a number that is typed without `+`. */
export interface PhoneRules {
  readonly smsCountries: readonly string[];
  readonly defaultCountry: string;
}

/** The reason that a typed number gets no messages. */
export type PhoneFault = 'no_number' | 'other_country' | 'not_mobile';

/** Returns the code that a setting names, in upper case. */
export function countryIn(typed: string): string {
  return typed.replace(/[\s\p{DI}]/gu, '').toUpperCase();
}

/** True if `code` is an ISO 3166-1 alpha-2 code, in upper case, of a country with telephone numbers. */
export function isCountry(code: string): code is CountryCode {
  return isSupportedCountry(code);
}

/**
 * True if a number of the countries can be typed without `+` in `country`. Countries may share a calling code, such as the
 * United States and Puerto Rico.
 */
export function sharesCallingCode(country: string, countries: readonly string[]): boolean {
  const code = getCountryCallingCode(country as CountryCode);
  return countries.some((other) => getCountryCallingCode(other as CountryCode) === code);
}

/** Returns the default country, or else a listed one with its calling code. */
export function listedDefault({ smsCountries, defaultCountry }: PhoneRules): string {
  if (smsCountries.includes(defaultCountry)) return defaultCountry;
  return smsCountries.find((country) => sharesCallingCode(country, [defaultCountry])) ?? defaultCountry;
}

/** True if numbers of the countries begin with different calling codes. */
export function haveCallingCodes(countries: readonly string[]): boolean {
  return countries.some((country) => !sharesCallingCode(country, countries.slice(0, 1)));
}

/** Blanks, dashes, dots, slashes, brackets and invisible characters. */
const SEPARATORS = /[\s\p{DI}\u2800\ufff9-\ufffc\p{Pd}\p{Pc}()[\]./\uff08\uff09\uff0e\uff0f\u00b7\u2212]/gu;

/** Returns a typed or pasted number without separators and `tel:`. It has other characters if it is not a number. */
export function phoneIn(typed: string): string {
  return typed
    .replace(SEPARATORS, '')
    .replace(/^tel:/i, '')
    .replace(/^\uff0b/, '+');
}

/** Returns the E.164 form of a typed mobile number, or the reason that it gets no messages. */
export function readPhone(typed: string, rules: PhoneRules): { e164: string } | { fault: PhoneFault } {
  const number = parse(phoneIn(typed), rules.defaultCountry);
  if (number === undefined || !number.isPossible()) return { fault: 'no_number' };

  if (PREMIUM_EXCHANGE.test(number.number)) return { fault: 'not_mobile' };
  const isNew = isNewAreaCode(number);
  const country = isNew ? 'US' : number.country;
  if (country !== undefined && !rules.smsCountries.includes(country)) return { fault: 'other_country' };
  if (isNew) return { e164: number.number };
  if (!number.isValid()) return { fault: 'no_number' };
  // North America does not distinguish mobile numbers from fixed ones, so this accepts either.
  const type = number.getType();
  const isMobile = type === 'MOBILE' || type === 'FIXED_LINE_OR_MOBILE';
  return isMobile && country !== undefined ? { e164: number.number } : { fault: 'not_mobile' };
}

/** Returns an E.164 number in groups, with its country code: `+1 202 555 0123`. */
export function groupedNumber(e164: string): string {
  return parsePhoneNumberFromString(e164, { extract: false })?.formatInternational() ?? e164;
}

/** Returns the beginning of a number in groups, as `(202) 555-01`. A text that fits no groups stays as it is. */
export function groupedWhileTyped(text: string, country: string): string {
  if (!/^\+?[\d\s().-]*\d$/.test(text)) return text;
  const grouped = new AsYouType(country as CountryCode).input(text);
  return /^\+?\d+$/.test(grouped) ? text : grouped;
}

/** Reads the digits that libphonenumber knows: ASCII, full-width, Arabic and Persian. Reads `00` as `+` if it fits nothing else. */
function parse(text: string, defaultCountry: string): PhoneNumber | undefined {
  if (!/^\+?[0-9\uff10-\uff19\u0660-\u0669\u06f0-\u06f9]+$/.test(text)) return undefined;
  const options = { defaultCountry: defaultCountry as CountryCode, extract: false };
  const number = parsePhoneNumberFromString(text, options);
  const international = /^[0\uff10\u0660\u06f0]{2}(.*)/.exec(text)?.[1];
  if (international === undefined || number?.isValid()) return number;
  return parsePhoneNumberFromString(`+${international}`, options);
}

/**
 * A number of +1 with an area code that the United States or Canada may assign. It excludes 5xx for personal numbers and 88x
 * for toll-free ones. It excludes 37x, 96x and x9x, which are for a later plan. It excludes two equal last digits, 456, 710,
 * 950 and 976, which are for services.
 * Decision 23 says how sure each of them is.
 */
const NEW_AREA_CODE = /^\+1(?!5|37|96|88|.9|.(\d)\1|456|710|950|976)[2-9]\d\d[2-9]\d{6}$/;

/** In each area code, 976 is the exchange of pay-per-call services. libphonenumber has its numbers as usual ones. */
const PREMIUM_EXCHANGE = /^\+1\d{3}976\d{4}$/;

/** The first digits of the +1 numbers of other countries, such as 876 for Jamaica. */
const OTHER_COUNTRIES_OF_1 = new RegExp(
  `^\\+1(?:${getCountries()
    .filter((country) => getCountryCallingCode(country) === '1')
    .flatMap((country) => leadingDigitsOf(country) ?? [])
    .join('|')})`,
);

function leadingDigitsOf(country: CountryCode): string | undefined {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  return metadata.numberingPlan?.leadingDigits() || undefined;
}

/** True if libphonenumber does not know the number's area code yet. Decision 23 says which ones count. */
function isNewAreaCode(number: PhoneNumber): boolean {
  const e164 = number.number;
  return !number.isValid() && NEW_AREA_CODE.test(e164) && !OTHER_COUNTRIES_OF_1.test(e164);
}

/** Returns the country of an E.164 number as ISO 3166-1 alpha-2, or undefined. A new area code of +1 counts as US. */
export function countryOf(e164: string): string | undefined {
  const number = parsePhoneNumberFromString(e164, { extract: false });
  return number !== undefined && isNewAreaCode(number) ? 'US' : number?.country;
}

/** Returns the prefix of a number: all but its last four digits. */
export function prefixOf(e164: string): string {
  return e164.slice(0, -4);
}

/** True if `number` is in E.164 form, of any country and type, with a length that the country's numbers have. */
export function isE164(number: string): boolean {
  const parsed = parsePhoneNumberFromString(number, { extract: false });
  return parsed?.number === number && parsed.isPossible();
}

/** Hides all but the last four digits. All numbers have one shape, so it reveals no country and no length. */
export function maskPhone(e164: string): string {
  return `X-XXX-XXX-${e164.slice(-4)}`;
}
