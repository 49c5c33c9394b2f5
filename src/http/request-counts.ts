import { setTimeout as sleep } from 'node:timers/promises';
import { type Lease, type Store, StoreUnavailable } from '../store.ts';
import { BOUNDS } from './bounds.ts';

/** Counts requests by key. Each key has a window that begins with its first request. */
export interface RequestCounts {
  /** Counts a request of the key and returns 0. If the key has no room, it counts nothing and returns the seconds to wait. */
  take(key: string): number | Promise<number>;
  /** Takes back a request that was counted. */
  giveBack(key: string): void;
}

/** At most `most` requests of one key in `seconds`. A process leases `block` of them at once, if it leases. */
export interface Limit {
  readonly name: string;
  readonly most: number;
  readonly seconds: number;
  readonly block: number;
}

/** Makes the counts of a limit. */
export type CountsFor = (limit: Limit) => RequestCounts;

/** Returns the counts of a store: those of all processes if it leases limits, otherwise those of this process. */
export function countsOf(store: Store): CountsFor {
  return store.lease === undefined ? countsInMemory : leasedCounts(store.lease.bind(store));
}

/** Counts in the memory of this process, so a restart forgets them. */
export function countsInMemory({ most, seconds }: Limit): RequestCounts {
  const windows = createWindows<{ count: number }>();
  return {
    take(key) {
      const window = windows.current(key) ?? windows.open(key, { count: 0 }, seconds * 1000);
      if (window.count >= most) return windows.waitSeconds(key);
      window.count += 1;
      return 0;
    },
    giveBack(key) {
      const window = windows.current(key);
      if (window !== undefined && window.count > 0) window.count -= 1;
    },
  };
}

/**
 * Counts for all processes together: each leases blocks of a limit from the database. While the database does not answer,
 * each process counts for itself.
 */
export function leasedCounts(lease: NonNullable<Store['lease']>): CountsFor {
  let awayUntilMs = 0;

  async function leaseSoon(...request: Parameters<typeof lease>): Promise<Lease | undefined> {
    if (performance.now() < awayUntilMs) return undefined;
    const tooLate = sleep(BOUNDS.leaseMs, undefined, { ref: false });
    const leased = lease(...request).catch((error) => {
      if (error instanceof StoreUnavailable) return undefined;
      throw error;
    });
    const found = await Promise.race([leased, tooLate]);
    if (found === undefined) awayUntilMs = performance.now() + BOUNDS.leaseAwayMs;
    return found;
  }

  return (limit) => {
    const { name, most, seconds, block } = limit;
    const alone = countsInMemory(limit);
    const windows = createWindows<{ left: number; isUsedUp: boolean }>();
    const leasing = new Map<string, Promise<boolean>>();

    /** Leases a block of the key. Returns false if the database does not answer. */
    async function leaseBlock(key: string): Promise<boolean> {
      const askedMs = performance.now();
      const found = await leaseSoon(`${name} ${key}`, block, most, seconds * 1000);
      leasing.delete(key);
      if (found === undefined) return false;
      const endsInMs = found.endsInMs - (performance.now() - askedMs);
      windows.open(key, { left: found.granted, isUsedUp: found.granted < block }, endsInMs);
      return true;
    }

    /** Takes a request from the block that is there. Returns undefined if a block has to be leased. */
    function takeNow(key: string): number | undefined {
      const window = windows.current(key);
      if (window === undefined || (window.left === 0 && !window.isUsedUp)) return undefined;
      if (window.left === 0) return windows.waitSeconds(key);
      window.left -= 1;
      return 0;
    }

    async function takeSoon(key: string): Promise<number> {
      for (;;) {
        const leased = leasing.get(key) ?? leaseBlock(key);
        leasing.set(key, leased);
        if (!(await leased)) return alone.take(key);
        const waitSeconds = takeNow(key);
        if (waitSeconds !== undefined) return waitSeconds;
      }
    }

    return {
      take: (key) => takeNow(key) ?? takeSoon(key),
      giveBack(key) {
        const window = windows.current(key);
        if (window !== undefined) window.left += 1;
      },
    };
  };
}

/** Keeps something for each key until the key's window ends. Past the bound, the oldest is forgotten. */
function createWindows<Kept>() {
  const windows = new Map<string, { readonly kept: Kept; readonly endMs: number }>();
  /** No window outlives the first by more than its own length, so ended ones don't pile up. */
  const currentWindow = (key: string) => {
    const nowMs = performance.now();
    for (const [first, { endMs }] of windows) {
      if (endMs > nowMs && windows.size <= BOUNDS.countedNetworks) break;
      windows.delete(first);
    }
    const found = windows.get(key);
    return found !== undefined && found.endMs > nowMs ? found : undefined;
  };
  return {
    current: (key: string) => currentWindow(key)?.kept,
    open(key: string, kept: Kept, ms: number) {
      windows.delete(key);
      windows.set(key, { kept, endMs: performance.now() + ms });
      return kept;
    },
    /** Returns the whole seconds until the window ends, at least 1. */
    waitSeconds(key: string) {
      const endMs = currentWindow(key)?.endMs ?? 0;
      return Math.max(1, Math.ceil((endMs - performance.now()) / 1000));
    },
  };
}
