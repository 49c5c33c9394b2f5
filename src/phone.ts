import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** Which numbers can be signed up: the countries that messages go to, and the one of a number typed without `+`. */
export interface PhoneRules {
  readonly smsCountries: readonly string[];
  readonly defaultCountry: string;
}

/** Whether `code` is an ISO 3166-1 alpha-2 code, in upper case, of a country with telephone numbers. */
export function isCountry(code: string): code is CountryCode {
  return isSupportedCountry(code);
}

/** The E.164 form of a number that a person typed, or undefined where it is no mobile number of a country that messages go to. */
export function toE164(typed: string, rules: PhoneRules): string | undefined {
  const number = parsePhoneNumberFromString(typed, {
    defaultCountry: rules.defaultCountry as CountryCode,
    extract: false,
  });
  if (number === undefined || !number.isValid() || number.ext !== undefined) return undefined;
  if (number.country === undefined || !rules.smsCountries.includes(number.country)) return undefined;
  // North America does not tell mobile numbers from fixed ones, so "either" has to do there.
  const type = number.getType();
  return type === 'MOBILE' || type === 'FIXED_LINE_OR_MOBILE' ? number.number : undefined;
}

/** The country of a number in E.164, as ISO 3166-1 alpha-2, or undefined where it has none. */
export function countryOf(e164: string): string | undefined {
  return parsePhoneNumberFromString(e164, { extract: false })?.country;
}

/** What all numbers have in common that differ in their last four digits alone. */
export function prefixOf(e164: string): string {
  return e164.slice(0, -4);
}

/** Whether `number` is in E.164 form, of any country and type, and has a length that its country's numbers have. */
export function isE164(number: string): boolean {
  const parsed = parsePhoneNumberFromString(number, { extract: false });
  return parsed?.number === number && parsed.isPossible();
}

/** The number with all but its last four digits hidden. One shape for all, so that it tells no country and no length. */
export function maskPhone(e164: string): string {
  return `X-XXX-XXX-${e164.slice(-4)}`;
}
