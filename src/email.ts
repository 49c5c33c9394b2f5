/** The most UTF-16 units of a canonical address (RFC 5321, 4.5.3.1.3). */
export const MAX_EMAIL_UNITS = 254;

/**
 * An address from its first to its last visible character. Spaces and the default ignorable characters of Unicode (UAX 44) show
 * nothing. The blank of Braille, marks of annotations and the placeholder of an object show nothing either.
 */
const VISIBLE_ADDRESS = /[^\s\p{DI}\u2800\ufff9-\ufffc](?:.*[^\s\p{DI}\u2800\ufff9-\ufffc])?/su;
const INVISIBLE = /[\p{DI}\u2800\ufff9-\ufffc]/gu;
const visible = (text: string) => VISIBLE_ADDRESS.exec(text)?.[0] ?? '';

/** Returns the address in a typed or pasted text such as `mailto:ann@example.com` or `Ann Lee <ann@example.com>`. */
export function emailIn(typed: string): string {
  const text = visible(typed);
  const inAngles = /^[^<>]*<([^<>]*)>$/.exec(text)?.[1] ?? text;
  return visible(visible(inAngles).replace(/^mailto:([^?]*).*$/i, '$1'));
}

/**
 * Returns the canonical form of an address. It has no invisible characters and is in Unicode NFC and lower case. The Greek
 * sigma has one form, and `toUnicode` gives a domain one form. Spellings of one address have equal canonical forms.
 */
export function canonicalEmail(typed: string, toUnicode = (domain: string) => domain): string {
  const address = formerEmail(emailIn(typed).replace(INVISIBLE, ''));
  const at = address.lastIndexOf('@');
  const domain = address.slice(at + 1);
  if (at < 0 || !isDomain(domain)) return address;
  const isInternational = /xn--|\P{ASCII}/u.test(domain);
  return `${withFinalSigmas(address.slice(0, at))}@${(isInternational && toUnicode(domain)) || domain}`;
}

/** Returns the form of an address that accounts were stored under before `canonicalEmail` had its rules of today. */
export function formerEmail(typed: string): string {
  return typed.trim().normalize('NFC').toLowerCase().normalize('NFC');
}

/** Returns a sentence for the user if a new account can't have the address. */
export function emailFault(typed: string): string | undefined {
  if (emailIn(typed).search(INVISIBLE) >= 0) {
    return 'This address has an invisible character inside. Delete the address and type it.';
  }
  const address = canonicalEmail(typed);
  const at = address.lastIndexOf('@');
  const fits = at > 0 && address.length <= MAX_EMAIL_UNITS;
  const isAddress = fits && LOCAL_PART.test(address.slice(0, at)) && isDomain(address.slice(at + 1));
  return isAddress ? undefined : 'Enter an email address like name@example.com.';
}

/** Allows dots at the ends, because addresses of Japanese carriers have them. */
const LOCAL_PART = /^(?:[a-z0-9.!#$%&'*+/=?^_`{|}~-]|[^\p{ASCII}\s]){1,64}$/u;
const LABEL = /^(?!-)(?:[a-z0-9-]|[^\p{ASCII}\s])+(?<!-)$/u;

function isDomain(domain: string): boolean {
  return domain.split('.').every((label) => LABEL.test(label));
}

/** Lower case writes the last sigma of a word in another way if the word was typed in capitals. */
function withFinalSigmas(text: string): string {
  return text.replaceAll('ς', 'σ').replace(/(?<=[\p{L}\p{M}])σ(?![\p{L}\p{M}])/gu, 'ς');
}
