import { createHash } from 'node:crypto';

/**
 * The rows of the table `locks`. A work locks the slot of its account, and the slots of the limits that it counts.
 * Two accounts that share a slot wait for each other. Advisory locks would do too, but CockroachDB ignores them.
 */
export const ACCOUNT_SLOTS = 4096;
export const KEY_SLOTS = 4096;

/** Returns SQL for the slot of an account's email: 12 bits of a hash. `email` is an SQL expression. */
export function accountSlot(email: string): string {
  return `('x' || substr(md5(${email}), 1, 3))::bit(12)::int`;
}

/** Returns the slot of a limit's key. Suppressed messages share it, so that they need no lock more than sent ones. */
export function keySlot(key: string): number {
  const limit = key.replace(/^unsent /, '');
  return ACCOUNT_SLOTS + Number.parseInt(createHash('sha256').update(limit).digest('hex').slice(0, 3), 16);
}

/**
 * The slots of limits that a work has locked. A work waits for a slot only if it holds no higher one. Otherwise it tries,
 * and if another work holds the slot, it runs again and locks all its slots first. So works never wait in a circle.
 */
export class KeySlots {
  readonly #locked: Set<number>;

  /** `first` are the slots that are locked already. */
  constructor(first: Iterable<number> = []) {
    this.#locked = new Set(first);
  }

  /** Returns the slots to lock for the keys, in their order, and whether the work may wait for them. Counts them as locked. */
  add(keys: readonly string[]): { slots: number[]; mayWait: boolean } {
    const highest = Math.max(-1, ...this.#locked);
    const slots = [...new Set(keys.map(keySlot))].filter((slot) => !this.#locked.has(slot)).sort(byNumber);
    for (const slot of slots) this.#locked.add(slot);
    return { slots, mayWait: (slots[0] ?? 0) > highest };
  }

  has(key: string): boolean {
    return this.#locked.has(keySlot(key));
  }

  /** All slots, in their order. */
  all(): number[] {
    return [...this.#locked].sort(byNumber);
  }
}

function byNumber(left: number, right: number): number {
  return left - right;
}
