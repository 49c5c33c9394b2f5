import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLanes, type Lanes } from '../../src/http/lanes.ts';
import { site } from '../support/site.ts';

const GUESSER = { network: '192.0.2.1' };
const PERSON = { network: '192.0.2.2' };

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const lanesFor = (mostWaiting = 256) => createLanes(() => performance.now(), mostWaiting);

const VICTIM = 'victim@example.com';

function guess(lanes: Lanes, times = 5, origin: { network: string; block?: string } = GUESSER) {
  for (let time = 0; time < times; time += 1) lanes.noteGuess(origin, VICTIM);
}

/** Starts so many requests that stay at work until they are ended; answers how many were let in, and how to end one. */
function requests(
  lanes: Lanes,
  count: number,
  origin: { network: string; block?: string } = GUESSER,
  email = VICTIM,
) {
  const atWork: (() => void)[] = [];
  let started = 0;
  const results = Array.from({ length: count }, () =>
    lanes.run(origin, email, () => {
      started += 1;
      return new Promise<string>((resolve) => atWork.push(() => resolve('done')));
    }),
  );
  return { results, started: () => started, endOne: () => atWork.shift()?.() };
}

describe('a network that guesses', () => {
  test('is at work a few requests at a time, and gets all of them done', async () => {
    const lanes = lanesFor();
    guess(lanes);
    const { results, started, endOne } = requests(lanes, 30);
    await vi.advanceTimersByTimeAsync(100);
    expect(started()).toBe(2);
    for (let request = 0; request < 30; request += 1) {
      endOne();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(await Promise.all(results)).toEqual(Array(30).fill('done'));
  });

  test('stands back while others are at work', async () => {
    const lanes = lanesFor();
    guess(lanes);
    const people = requests(lanes, 20, PERSON);
    const guesses = requests(lanes, 20);
    await vi.advanceTimersByTimeAsync(100);
    expect([people.started(), guesses.started()]).toEqual([20, 1]);
  });

  test('lets those go first who share it and guess at nothing', async () => {
    const lanes = lanesFor();
    guess(lanes);
    const guesses = requests(lanes, 20);
    const neighbour = requests(lanes, 3, GUESSER, 'neighbour@example.com');
    await vi.advanceTimersByTimeAsync(100);
    expect([guesses.started(), neighbour.started()]).toEqual([2, 0]);
    for (let request = 0; request < 2; request += 1) guesses.endOne();
    await vi.advanceTimersByTimeAsync(0);
    expect([guesses.started(), neighbour.started()]).toEqual([2, 2]);
  });

  test('waits no longer than 0.9 seconds, whatever others do', async () => {
    const lanes = lanesFor();
    guess(lanes);
    requests(lanes, 1, PERSON);
    const guesses = requests(lanes, 20);
    await vi.advanceTimersByTimeAsync(950);
    expect(guesses.started()).toBe(20);
  });

  test('is put off where too many wait already', async () => {
    const lanes = lanesFor(3);
    guess(lanes);
    const { results, started } = requests(lanes, 2 + 3 + 1);
    await vi.advanceTimersByTimeAsync(100);
    expect(started()).toBe(2);
    expect(await results[5]).toBeUndefined();
  });

  test('is as any other a minute after its last guess', async () => {
    const lanes = lanesFor();
    guess(lanes);
    await vi.advanceTimersByTimeAsync(60_000);
    const { started } = requests(lanes, 30);
    expect(started()).toBe(30);
  });

  test('is all of an IPv6 /48', async () => {
    const lanes = lanesFor();
    for (let net = 0; net < 5; net += 1)
      guess(lanes, 1, { network: `2001:db8:1:${net}::/64`, block: '2001:db8:1::/48' });
    const { started } = requests(lanes, 20, { network: '2001:db8:1:9::/64', block: '2001:db8:1::/48' });
    await vi.advanceTimersByTimeAsync(5);
    expect(started()).toBe(2);
  });
});

describe('a network that mistyped four times', () => {
  test('waits for nobody', () => {
    const lanes = lanesFor();
    guess(lanes, 4);
    const { started } = requests(lanes, 30);
    expect(started()).toBe(30);
  });
});

test('one client alone is let in at once, however often it guessed', async () => {
  const lanes = lanesFor();
  guess(lanes, 1000);
  for (let request = 0; request < 100; request += 1) {
    expect(await lanes.run(GUESSER, VICTIM, () => Promise.resolve('done'))).toBe('done');
  }
});

test('a fault of the work is its own: the next is let in', async () => {
  const lanes = lanesFor();
  guess(lanes);
  const faults = Array.from({ length: 20 }, () =>
    lanes.run(GUESSER, VICTIM, () => Promise.reject(new Error('broken'))),
  );
  const settled = Promise.allSettled(faults);
  await vi.advanceTimersByTimeAsync(200);
  expect((await settled).every(({ status }) => status === 'rejected')).toBe(true);
});

test('guesses at an address without an account count like those at one with an account', async () => {
  vi.useRealTimers();
  const { visitor } = site();
  const ann = visitor();
  await ann.signUp('ann@example.com');
  const kinds = async (username: string) => {
    const statuses: string[] = [];
    for (let turn = 0; turn < 7; turn += 1)
      statuses.push((await visitor().signIn('wrong', username)).body.status);
    return statuses;
  };
  expect(await kinds('ann@example.com')).toEqual(await kinds('nobody@example.com'));
});
