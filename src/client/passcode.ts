import { asciiDigits, sixDigits } from '../typed.ts';

/**
 * Returns the six digits that the user typed, without separators, or the code in a pasted message. The message's last line
 * names the code. Without that line, it must have one number with six digits. Returns undefined if it finds no code.
 */
export function passcodeIn(typed: string): string | undefined {
  const digits = sixDigits(typed) ?? originBoundCode(typed);
  if (digits !== undefined) return digits;
  const text = asciiDigits(typed.replace(/\p{DI}/gu, ''));
  const found = new Set(text.match(/(?<!\d)\d{6}(?!\d)/g));
  return found.size === 1 ? [...found][0] : undefined;
}

/**
 * Returns the code that the last line of a message, `@host #code`, names. A field of one line drops the line feed before it.
 * Source: WICG, "Origin-bound one-time codes delivered via SMS".
 */
export function originBoundCode(message: string): string | undefined {
  return /@[^\s#@]+ #(\d{6})[\s\p{DI}]*$/u.exec(message)?.[1];
}
