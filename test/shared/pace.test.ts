import { expect, test } from 'vitest';
import { sharedPace } from '../../src/shared/pace.ts';
import { createPacer } from '../../src/sms/pacer.ts';
import { type Store, StoreUnavailable } from '../../src/store.ts';
import { fakeClock } from '../support/clock.ts';
import { memoryStore } from '../support/memory-store.ts';
import { settle } from '../support/sms-port.ts';

/** Pacers of several processes on one database. The store can be taken away. */
function processes(count: number, options: { perMinute: number; maxWaiting?: number }) {
  const clock = fakeClock();
  const store = memoryStore();
  const state = { isAway: false };
  const transact: Store['transact'] = (work, how) =>
    state.isAway ? Promise.reject(new StoreUnavailable('away')) : store.transact(work, how);
  const pace = () => sharedPace({ ...store, transact }, options.perMinute, clock.nowMs);
  const started: number[] = [];
  const refused: number[] = [];
  const pacers = Array.from({ length: count }, () => createPacer({ ...options, sharedPace: pace() }, clock));
  const ask = (index: number) =>
    void pacers[index]?.turn('stranger').then((isStarting) => (isStarting ? started : refused).push(index));
  /** Moves the clock second by second, so that each pacer wakes and waits again. */
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      clock.advanceSeconds(1);
      for (let turn = 0; turn < 20; turn += 1) await settle();
    }
  };
  return { clock, state, started, refused, pacers, ask, pass };
}

test('the processes together start no more messages in a minute than the limit', async () => {
  const { started, ask, pass } = processes(2, { perMinute: 3 });
  for (const index of [0, 0, 0, 1, 1, 1, 1]) ask(index);
  await pass(1);
  expect(started).toHaveLength(3);
  await pass(58);
  expect(started).toHaveLength(3);
  await pass(2);
  expect(started).toHaveLength(6);
  await pass(61);
  expect(started).toHaveLength(7);
});

test('a process whose messages all wait for other processes is full, and tells when to ask again', async () => {
  const { pacers, ask, pass, refused } = processes(2, { perMinute: 3, maxWaiting: 2 });
  for (const index of [0, 0, 0]) ask(index);
  await pass(1);
  for (const index of [1, 1, 1, 1, 1]) ask(index);
  expect(pacers[1]?.isFull('stranger')).toBe(true);
  await pass(1);
  expect(pacers[1]?.isFull('stranger')).toBe(true);
  expect(pacers[1]?.retryAfterSeconds()).toBe(59);
  ask(1);
  await pass(1);
  expect(refused).toEqual([1]);
});

test('many messages at once start together if there is room', async () => {
  const { started, ask, pass } = processes(1, { perMinute: 36, maxWaiting: 2 });
  for (let count = 0; count < 30; count += 1) ask(0);
  await pass(1);
  expect(started).toHaveLength(30);
});

test('a message waits while the database does not answer, and starts when it does', async () => {
  const { state, started, refused, ask, pass } = processes(1, { perMinute: 3 });
  state.isAway = true;
  ask(0);
  await pass(30);
  expect([started, refused]).toEqual([[], []]);
  state.isAway = false;
  await pass(2);
  expect(started).toEqual([0]);
});

test('after a minute without an answer of the database, waiting messages are refused', async () => {
  const { state, started, refused, ask, pass } = processes(1, { perMinute: 3 });
  state.isAway = true;
  ask(0);
  ask(0);
  await pass(62);
  expect([started, refused]).toEqual([[], [0, 0]]);
  state.isAway = false;
  ask(0);
  await pass(2);
  expect(started).toEqual([0]);
});

test('a database whose clock was set back makes a process no faster', async () => {
  const clock = fakeClock();
  const store = memoryStore();
  const database = { nowMs: clock.nowMs() };
  const pacer = createPacer({ perMinute: 2, sharedPace: sharedPace(store, 2, () => database.nowMs) }, clock);
  const started: boolean[] = [];
  for (let count = 0; count < 4; count += 1) {
    void pacer.turn('stranger').then((isStarting) => started.push(isStarting));
  }
  for (let turn = 0; turn < 20; turn += 1) await settle();
  database.nowMs -= 3_600_000;
  clock.advanceSeconds(59);
  for (let turn = 0; turn < 20; turn += 1) await settle();
  expect(started).toHaveLength(2);
  clock.advanceSeconds(1);
  for (let turn = 0; turn < 20; turn += 1) await settle();
  expect(started).toEqual([true, true, true, true]);
});
