/** A run's source of chance: the same seed draws the same. */
export interface Chance {
  /** A whole number from 0 on, below `limit`. */
  below(limit: number): number;
  /** Whether something happens that happens so often, 0 to 1. */
  happens(share: number): boolean;
  pick<Item>(list: readonly Item[]): Item;
  bytes(size: number): Buffer;
  /** So many bytes as base64url without padding. */
  token(size: number): string;
}

/** Chance by mulberry32, a generator of 32 bits of state. */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => below(256)));
  return {
    below,
    bytes,
    happens: (share) => next() < share,
    pick: <Item>(list: readonly Item[]) => list[below(list.length)] as Item,
    token: (size) => bytes(size).toString('base64url'),
  };
}
