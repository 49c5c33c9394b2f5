import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Origin } from '../form.ts';

/** Answers in how many whole seconds a request from there may go on; 0 where it may now, and then it counts. */
export type RequestLimit = (origin: Origin) => Promise<number>;

/** An IPv6 /48 holds many networks, and is one customer as often as many. */
const NETWORKS_A_BLOCK = 4;

/**
 * A limit of `most` requests within so many seconds from one network, and four times that from one IPv6 /48. Infinity is
 * no limit. It is this process's own: a restart forgets it.
 */
export function requestLimit(most: number, seconds: number): RequestLimit {
  if (most === Number.POSITIVE_INFINITY) return async () => 0;
  const networks = new RateLimiterMemory({ points: most, duration: seconds });
  const blocks = new RateLimiterMemory({ points: most * NETWORKS_A_BLOCK, duration: seconds });
  return async ({ network, block }) => {
    try {
      // What one network asks in vain is not taken from the others of its block.
      await networks.consume(network);
      if (block !== undefined) await blocks.consume(block);
      return 0;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
    }
  };
}
