/**
 * The form of an address under which everything about an account is looked up: trimmed, Unicode NFC, lower case.
 * Two spellings are one account exactly where this answers the same string for both.
 */
export function canonicalEmail(typed: string): string {
  return typed.trim().normalize('NFC').toLowerCase().normalize('NFC');
}
