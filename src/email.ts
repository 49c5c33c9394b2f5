/**
 * Returns the canonical form of an address: trimmed, Unicode NFC, lower case. Everything about an account is stored under it.
 * Two spellings are one account if, and only if, their canonical forms are equal.
 */
export function canonicalEmail(typed: string): string {
  return typed.trim().normalize('NFC').toLowerCase().normalize('NFC');
}
