import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;

/**
 * Random bytes as Node's `randomBytes` makes them, up to 4096 at once, but taken from the system for many calls together:
 * each call to it costs as much as the work of a small request. Bytes that were handed out are wiped.
 */
export function pooledRandomBytes(): (size: number) => Uint8Array {
  const pool = Buffer.alloc(POOL_BYTES);
  let next = POOL_BYTES;
  return (size) => {
    if (next + size > POOL_BYTES) {
      randomFillSync(pool);
      next = 0;
    }
    const bytes = Uint8Array.prototype.slice.call(pool, next, next + size);
    pool.fill(0, next, next + size);
    next += size;
    return bytes;
  };
}
