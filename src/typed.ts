/**
 * Returns the text without lone surrogates. A form can't send them, and no font shows them.
 * Source: The Unicode Standard, 3.8, D74.
 */
export function wellFormed(typed: string): string {
  return typed.replace(/\p{Surrogate}/gu, '');
}

/**
 * A name from its first to its last visible character, by the rules of an address. A name may have one character more. A joiner
 * after a combining mark belongs to a letter of Malayalam or Sinhala. A variation selector belongs to an ideograph or an emoji.
 */
const VISIBLE_NAME =
  /[^\s\p{DI}\u2800\ufff9-\ufffc](?:.*[^\s\p{DI}\u2800\ufff9-\ufffc])?(?:(?<=\p{M})\u200d|(?<=[\p{Lo}\p{Extended_Pictographic}])\p{Variation_Selector})?/su;

/** Returns a typed or pasted name in Unicode NFC, without spaces and invisible characters at its ends. */
export function nameIn(typed: string): string {
  return VISIBLE_NAME.exec(wellFormed(typed).normalize('NFC'))?.[0] ?? '';
}

/** Joiners and variation selectors change how letters without case (Arabic, Indic, Han) and emoji look. */
const VISIBLE_JOINER =
  /(?<=[\p{Lo}\p{M}\p{Extended_Pictographic}\p{Emoji_Modifier}])(?:\u200c|\u200d|\p{Variation_Selector})/gu;

/** Returns a sentence for the user if a name of `nameIn` has an invisible character. */
export function nameFault(name: string): string | undefined {
  // A name in Braille has blanks of Braille inside.
  if (!/[\p{DI}\ufff9-\ufffc]/u.test(name.replace(VISIBLE_JOINER, ''))) return undefined;
  return 'This name has an invisible character inside. Delete the name and type it.';
}

/** Returns the text with the decimal digits of every script as ASCII digits. */
export function asciiDigits(text: string): string {
  return text.replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)));
}

/** The digits 0 to 9 of a script have ascending code points. Some sets of ten follow each other. */
function digitValue(digit: string): number {
  const codePoint = digit.codePointAt(0) ?? 0;
  let before = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(codePoint - before - 1))) before += 1;
  return before % 10;
}

/** Blanks, dashes, dots, underscores and invisible characters. */
const SEPARATORS = /[\s\p{DI}\u2800\ufff9-\ufffc\p{Pd}\p{Pc}.\uff0e\u3002\u00b7\u2022\u2212]/gu;

/** Returns the six digits of a typed code, in ASCII and without separators. Undefined if it is anything else. */
export function sixDigits(typed: string): string | undefined {
  const digits = asciiDigits(typed.replace(SEPARATORS, ''));
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}
