/**
 * Returns the six digits that the user typed, without spaces and dashes, or those in a pasted message.
 * Returns undefined if it finds no number with six digits, or more than one.
 */
export function passcodeIn(typed: string): string | undefined {
  const digits = typed.replace(/[\s\p{Dash_Punctuation}]/gu, '');
  if (/^\d{6}$/.test(digits)) return digits;
  const found = new Set(typed.match(/(?<!\d)\d{6}(?!\d)/g));
  return found.size === 1 ? [...found][0] : undefined;
}
