import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** The countries that get messages, and the country of a number that is typed without `+`. */
export interface PhoneRules {
  readonly smsCountries: readonly string[];
  readonly defaultCountry: string;
}

/** True if `code` is an ISO 3166-1 alpha-2 code, in upper case, of a country with telephone numbers. */
export function isCountry(code: string): code is CountryCode {
  return isSupportedCountry(code);
}

/** Returns the E.164 form of a typed number. Undefined if it is not a mobile number of a country that gets messages. */
export function toE164(typed: string, rules: PhoneRules): string | undefined {
  const number = parsePhoneNumberFromString(typed, {
    defaultCountry: rules.defaultCountry as CountryCode,
    extract: false,
  });
  if (number === undefined || !number.isValid() || number.ext !== undefined) return undefined;
  if (number.country === undefined || !rules.smsCountries.includes(number.country)) return undefined;
  // North America does not distinguish mobile numbers from fixed ones, so this accepts either.
  const type = number.getType();
  return type === 'MOBILE' || type === 'FIXED_LINE_OR_MOBILE' ? number.number : undefined;
}

/** Returns the country of an E.164 number as ISO 3166-1 alpha-2, or undefined. */
export function countryOf(e164: string): string | undefined {
  return parsePhoneNumberFromString(e164, { extract: false })?.country;
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
