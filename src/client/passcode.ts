/**
 * The six digits that a person typed, without the blanks and dashes between them, or those of a whole message that was
 * pasted; undefined where there are none, or more than one number of six digits.
 */
export function passcodeIn(typed: string): string | undefined {
  const digits = typed.replace(/[\s\p{Dash_Punctuation}]/gu, '');
  if (/^\d{6}$/.test(digits)) return digits;
  const found = new Set(typed.match(/(?<!\d)\d{6}(?!\d)/g));
  return found.size === 1 ? [...found][0] : undefined;
}
