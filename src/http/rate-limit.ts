import type { Request, RequestHandler, Response } from 'express';
import type { ClientNetwork } from '../engine/requests.ts';
import { BOUNDS } from './bounds.ts';
import { clientNetworkOf } from './client-network.ts';

/** Returns the whole seconds until a request of the network is accepted. Counts the request if that is 0. */
export type RequestLimit = (from: ClientNetwork) => number;

/** An IPv6 /48 holds many networks. It may belong to one customer or to many. */
const NETWORKS_A_PREFIX48 = 4;

/**
 * Limits one network to `most` requests in `seconds`, and one IPv6 /48 to four times that. Infinity is no limit. The counts
 * are in the memory of this process, so a restart forgets them.
 */
export function requestLimit(most: number, seconds: number): RequestLimit {
  if (most === Number.POSITIVE_INFINITY) return () => 0;
  const networks = createCounts(most, seconds);
  const prefixes48 = createCounts(most * NETWORKS_A_PREFIX48, seconds);
  return ({ network, prefix48 }) => {
    // A refused /48 adds no counts for its networks, and a refused network does not count for its /48.
    const waitSeconds =
      (prefix48 === undefined ? 0 : prefixes48.waitSeconds(prefix48)) || networks.waitSeconds(network);
    if (waitSeconds > 0) return waitSeconds;
    networks.add(network);
    if (prefix48 !== undefined) prefixes48.add(prefix48);
    return 0;
  };
}

interface Counts {
  /** Returns the whole seconds until the key has room again; 0 if it has room. */
  waitSeconds(key: string): number;
  add(key: string): void;
}

/** Counts by key, each in a window of `seconds` that begins with its first request. */
function createCounts(most: number, seconds: number): Counts {
  // All windows have one length, so the first entry ends first.
  const windows = new Map<string, { count: number; readonly endMs: number }>();
  const current = (key: string) => {
    const nowMs = performance.now();
    for (const [first, { endMs }] of windows) {
      if (endMs > nowMs && windows.size <= BOUNDS.countedNetworks) break;
      windows.delete(first);
    }
    return windows.get(key);
  };
  return {
    waitSeconds(key) {
      const window = current(key);
      if (window === undefined || window.count < most) return 0;
      return Math.max(1, Math.ceil((window.endMs - performance.now()) / 1000));
    },
    add(key) {
      const window = current(key);
      if (window !== undefined) window.count += 1;
      else windows.set(key, { count: 1, endMs: performance.now() + seconds * 1000 });
    },
  };
}

/** The client of a counted request, and the seconds that its network must wait; 0 below the limit. */
export interface Counted {
  readonly client: ClientNetwork;
  readonly waitSeconds: number;
}

/**
 * Counts each request for its client's network, and keeps what it found in `response.locals.counted`. Past the limit it calls
 * `slowDown`. A form still reaches its route, which answers `invalid` or `slow_down`.
 */
export function countRequests(
  requestsPerMinute: number,
  slowDown: (request: Request, response: Response, waitSeconds: number) => void,
): RequestHandler {
  const limit = requestLimit(requestsPerMinute, 60);
  return (request, response, next) => {
    // Without an address, the connection is gone.
    if (request.ip === undefined) return void request.destroy();
    const client = clientNetworkOf(request.ip);
    const waitSeconds = limit(client);
    response.locals.counted = { client, waitSeconds } satisfies Counted;
    if (waitSeconds > 0 && request.method !== 'POST') slowDown(request, response, waitSeconds);
    else next();
  };
}
