import type { Request, RequestHandler, Response } from 'express';
import type { ClientNetwork } from '../engine/requests.ts';
import type { Policy } from '../policy.ts';
import { BOUNDS } from './bounds.ts';
import { clientNetworkOf } from './client-network.ts';
import type { CountsFor, Limit } from './request-counts.ts';

/**
 * Returns the whole seconds until a request of the network is accepted. Counts the request if that is 0. A promise if the
 * database has to be asked.
 */
export type RequestLimit = (from: ClientNetwork) => number | Promise<number>;

/** An IPv6 /48 holds many networks. It may belong to one customer or to many. */
const NETWORKS_A_PREFIX48 = 4;

/** Blocks of a small limit are small, so that several processes can use all of it. */
const MAX_BLOCK_PART = 0.02;

/** The limit of all requests of a network. */
export function requestsOf({ requestsPerMinute: most }: Policy): Limit {
  const block = Math.max(1, Math.min(BOUNDS.leasedRequests, Math.floor(most * MAX_BLOCK_PART)));
  return { name: 'requests', most, seconds: 60, block };
}

/** The limit of the sign-ups of a network. */
export function signupsOf({ signupsPerHour: most }: Policy): Limit {
  return { name: 'signups', most, seconds: 3600, block: 1 };
}

/** Limits each network to a number of requests, and each IPv6 /48 to four times that. Infinity is no limit. */
export function requestLimit(countsFor: CountsFor, limit: Limit): RequestLimit {
  if (limit.most === Number.POSITIVE_INFINITY) return () => 0;
  const networks = countsFor(limit);
  const prefixes48 = countsFor({ ...limit, most: limit.most * NETWORKS_A_PREFIX48 });
  // A refused /48 adds no counts for its networks, and a refused network does not count for its /48.
  return ({ network, prefix48 }) => {
    if (prefix48 === undefined) return networks.take(network);
    return andThen(prefixes48.take(prefix48), (prefixWait) => {
      if (prefixWait > 0) return prefixWait;
      return andThen(networks.take(network), (waitSeconds) => {
        if (waitSeconds > 0) prefixes48.giveBack(prefix48);
        return waitSeconds;
      });
    });
  };
}

type Soon = number | Promise<number>;

/** Calls `next` with a number at once, or with that of a promise later. */
function andThen(soon: Soon, next: (found: number) => Soon): Soon {
  return typeof soon === 'number' ? next(soon) : soon.then(next);
}

/** The client of a counted request, and the seconds that its network must wait; 0 below the limit. */
export interface Counted {
  readonly client: ClientNetwork;
  readonly waitSeconds: number | Promise<number>;
}

/**
 * Counts each request for its client's network, and keeps what it found in `response.locals.counted`. Past the limit it calls
 * `slowDown`. A form still reaches its route, which answers `invalid` or `slow_down`.
 */
export function countRequests(
  limit: RequestLimit,
  slowDown: (request: Request, response: Response, waitSeconds: number) => void,
): RequestHandler {
  return (request, response, next) => {
    // Without an address, the connection is gone.
    if (request.ip === undefined) return void request.destroy();
    const client = clientNetworkOf(request.ip);
    const waitSeconds = limit(client);
    response.locals.counted = { client, waitSeconds } satisfies Counted;
    // Reading a form begins in this turn of the event loop. Otherwise its first bytes would be lost.
    if (request.method === 'POST') return next();
    return andThen(waitSeconds, (seconds) => {
      if (seconds > 0) slowDown(request, response, seconds);
      else next();
      return seconds;
    });
  };
}
