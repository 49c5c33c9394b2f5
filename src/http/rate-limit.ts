import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { ClientNetwork } from '../engine/requests.ts';

/** Returns the whole seconds until a request of the network is accepted. Counts the request if that is 0. */
export type RequestLimit = (from: ClientNetwork) => Promise<number>;

/** An IPv6 /48 holds many networks. It may belong to one customer or to many. */
const NETWORKS_A_PREFIX48 = 4;

/**
 * Limits one network to `most` requests in `seconds`, and one IPv6 /48 to four times that. Infinity is no limit. The counts
 * are in the memory of this process, so a restart forgets them.
 */
export function requestLimit(most: number, seconds: number): RequestLimit {
  if (most === Number.POSITIVE_INFINITY) return async () => 0;
  const networks = new RateLimiterMemory({ points: most, duration: seconds });
  const prefixes48 = new RateLimiterMemory({ points: most * NETWORKS_A_PREFIX48, duration: seconds });
  return async ({ network, prefix48 }) => {
    try {
      // A refused request of one network does not count for the others of its /48.
      await networks.consume(network);
      if (prefix48 !== undefined) await prefixes48.consume(prefix48);
      return 0;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
    }
  };
}
