/** A source of random choices. The same seed makes the same choices. */
export interface Random {
  /** Returns a whole number from 0 up to but not including `limit`. */
  below(limit: number): number;
  /** Returns true with the probability `probability` (0 to 1). */
  happens(probability: number): boolean;
  pick<Item>(list: readonly Item[]): Item;
  bytes(size: number): Buffer;
  /** Returns `size` bytes as base64url without padding. */
  token(size: number): string;
  /** Returns a copy of the list in random order. */
  shuffled<Item>(list: readonly Item[]): Item[];
}

/** Creates a source of random choices with mulberry32, a generator with 32 bits of state. */
export function seededRandom(seed: number): Random {
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
    happens: (probability) => next() < probability,
    pick: <Item>(list: readonly Item[]) => list[below(list.length)] as Item,
    token: (size) => bytes(size).toString('base64url'),
    shuffled: (list) =>
      list
        .map((item) => [next(), item] as const)
        .sort(([left], [right]) => left - right)
        .map(([, item]) => item),
  };
}
