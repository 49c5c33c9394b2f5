import supertest from 'supertest';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { requestLimit, requestsOf, signupsOf } from '../../src/http/rate-limit.ts';
import { leasedCounts } from '../../src/http/request-counts.ts';
import { TUTORIAL } from '../../src/policy.ts';
import { type Lease, StoreUnavailable } from '../../src/store.ts';
import { memoryStore } from '../support/memory-store.ts';

import { site } from '../support/site.ts';
import { ANN, must } from '../support/world.ts';

const REQUESTS = requestsOf(TUTORIAL);
const OFFICE = { network: '203.0.113.9' };

/** A database that leases, can be away, and counts its leases. */
function database() {
  const lease = must(memoryStore().lease);
  const state = { isAway: false, leases: 0 };
  const counted: typeof lease = async (...request) => {
    state.leases += 1;
    if (state.isAway) throw new StoreUnavailable('away');
    return lease(...request);
  };
  const process = (limit = REQUESTS) => requestLimit(leasedCounts(counted), limit);
  return { state, lease: counted, process };
}

/** Returns the number of accepted requests of `count`, sent to the processes in turn. */
async function accepted(processes: ReturnType<typeof requestLimit>[], count: number, from = OFFICE) {
  const waits: number[] = [];
  for (let index = 0; index < count; index += 1) {
    waits.push(await must(processes[index % processes.length])(from));
  }
  return waits.filter((wait) => wait === 0).length;
}

afterEach(() => void vi.useRealTimers());

describe('several processes on one database', () => {
  test('accept no more requests of a network in all than the limit, and all of them if they share evenly', async () => {
    const { process } = database();
    expect(await accepted([process(), process(), process(), process()], 1500)).toBe(1000);
  });

  test('hold under requests at the same time', async () => {
    const { process } = database();
    const [one, two] = [process(), process()];
    const waits = await Promise.all(
      Array.from({ length: 1500 }, (_, index) => (index % 2 ? one : two)(OFFICE)),
    );
    expect(waits.filter((wait) => wait === 0)).toHaveLength(1000);
  });

  test('keep back one block each at most', async () => {
    const { process } = database();
    const others = Array.from({ length: 9 }, () => process());
    expect(await accepted(others, 9)).toBe(9);
    expect(await accepted([process()], 1500)).toBe(1000 - 9 * REQUESTS.block);
  });

  test('ask the database once for a block, and not for a network past its limit', async () => {
    const { process, state } = database();
    expect(await accepted([process()], 5000)).toBe(1000);
    expect(state.leases).toBe(1000 / REQUESTS.block + 1);
  });

  test('use all of a small limit, and lease sign-ups one by one', async () => {
    const { process } = database();
    const small = requestsOf({ ...TUTORIAL, requestsPerMinute: 3 });
    expect(await accepted([process(small), process(small)], 10)).toBe(3);
    const signups = signupsOf(TUTORIAL);
    expect(await accepted([process(signups), process(signups)], 1001)).toBe(1000);
    expect(await accepted([process(signups)], 1)).toBe(0);
  });

  test('have four times the limit for an IPv6 /48, and a refused network does not count for it', async () => {
    const { process } = database();
    const of48 = (index: number) => ({ network: `2001:db8:1:${index}::/64`, prefix48: '2001:db8:1::/48' });
    const limit = process(requestsOf({ ...TUTORIAL, requestsPerMinute: 3 }));
    expect(await accepted([limit], 20, of48(0))).toBe(3);
    let all = 3;
    for (let index = 1; index < 10; index += 1) all += await accepted([limit], 5, of48(index));
    expect(all).toBe(12);
  });

  test('have room again after the window', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { process } = database();
    const [one, two] = [process(), process()];
    expect(await accepted([one, two], 1100)).toBe(1000);
    expect(await one(OFFICE)).toBe(60);
    vi.advanceTimersByTime(60_000);
    expect(await accepted([one, two], 1100)).toBe(1000);
  });
});

describe('while the database', () => {
  test('is away, each process counts for itself, asks again once a second, and mends', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { process, state } = database();
    state.isAway = true;
    const one = process();
    expect(await accepted([one], 1500)).toBe(1000);
    expect(state.leases).toBe(1);
    state.isAway = false;
    vi.advanceTimersByTime(1000);
    expect(await accepted([one], 1)).toBe(1);
    expect(state.leases).toBe(2);
  });

  test('hangs, a request waits a second and is then counted in memory', async () => {
    const limit = requestLimit(
      leasedCounts(() => new Promise<Lease>(() => undefined)),
      { ...REQUESTS, most: 2 },
    );
    expect(await Promise.all([limit(OFFICE), limit(OFFICE), limit(OFFICE)])).toEqual([
      0,
      0,
      expect.any(Number),
    ]);
    expect(await limit(OFFICE)).toBeGreaterThan(0);
  });
});

test('two servers on one database answer slow_down past their common limit (attack 7)', async () => {
  const { lease } = database();
  const apps = [1, 2].map(() => site({ policy: { requestsPerMinute: 6, signupsPerHour: 2 }, lease }).app);
  const statuses: number[] = [];
  for (let index = 0; index < 8; index += 1) {
    const request = supertest(must(apps[index % 2]))
      .post('/getseed')
      .type('form');
    statuses.push((await request.send({ username: ANN })).status);
  }
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429, 429]);
});
