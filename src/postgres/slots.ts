/**
 * The rows of the table `locks`. A work locks the slot of its account, and the slots of the limits that it reads or counts.
 * Two accounts that share a slot wait for each other. Advisory locks would do too, but CockroachDB ignores them.
 */
export const ACCOUNT_SLOTS = 4096;
export const KEY_SLOTS = 4096;

/** Returns SQL for the slot of an account's email. `email` is an SQL expression. */
export function accountSlot(email: string): string {
  return hash12(email);
}

/** Returns SQL for the slot of a limit's key. */
export function keySlot(key: string): string {
  return `${ACCOUNT_SLOTS} + ${hash12(key)}`;
}

/** 12 bits, so 4096 values. */
function hash12(text: string): string {
  return `('x' || substr(md5(${text}), 1, 3))::bit(12)::int`;
}
