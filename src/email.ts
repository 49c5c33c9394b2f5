/**
 * Returns the canonical form of an email address: trimmed, Unicode NFC, lower case. All look-ups use it.
 * Two spellings belong to the same account if their canonical forms are equal.
 */
export function canonicalEmail(typed: string): string {
  return typed.trim().normalize('NFC').toLowerCase().normalize('NFC');
}
