import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { ClientNetwork } from '../engine/requests.ts';

/** Answers in how many whole seconds a request from there may go on; 0 where it may now, and then it counts. */
export type RequestLimit = (origin: ClientNetwork) => Promise<number>;

/** An IPv6 /48 holds many networks, and is one customer as often as many. */
const NETWORKS_A_PREFIX48 = 4;

/**
 * A limit of `most` requests within so many seconds from one network, and four times that from one IPv6 /48. Infinity is
 * no limit. It is this process's own: a restart forgets it.
 */
export function requestLimit(most: number, seconds: number): RequestLimit {
  if (most === Number.POSITIVE_INFINITY) return async () => 0;
  const networks = new RateLimiterMemory({ points: most, duration: seconds });
  const prefixes48 = new RateLimiterMemory({ points: most * NETWORKS_A_PREFIX48, duration: seconds });
  return async ({ network, prefix48 }) => {
    try {
      // What one network asks in vain is not taken from the others of its prefix48.
      await networks.consume(network);
      if (prefix48 !== undefined) await prefixes48.consume(prefix48);
      return 0;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
    }
  };
}
