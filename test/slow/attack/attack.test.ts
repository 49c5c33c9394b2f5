import { expect, test } from 'vitest';
import { ATTACKS, attack } from '../../../tools/attack/rows.ts';
import { openTarget } from '../../../tools/attack/target.ts';
import { startCarelessServer } from '../../support/careless-server.ts';
import { startProgram } from '../../support/program.ts';
import { SEED } from '../../support/seed.ts';
import { STORES, settingsFor } from '../../support/stores.ts';

/** Attacks that can't be tried over the network. */
const NEED_THE_INSIDE = [14, 38, 39, 40, 49, 50, 52];
/** This one waits for half a minute, and has its own file. */
const UNFINISHED = 'S3';

test.each(STORES)('the program on %s holds against all attacks that come over the network', async (store) => {
  const { origin } = await startProgram(await settingsFor(store));
  const numbers = ATTACKS.map(({ number }) => number).filter((number) => number !== UNFINISHED);
  const rows = await attack(await openTarget(new URL(origin), SEED), numbers);
  expect(rows.filter(({ outcome }) => outcome === 'broken')).toEqual([]);
  // Only Linux has many loopback addresses, which some attacks need.
  if (process.platform === 'linux') {
    const notTried = rows.filter(({ outcome }) => outcome === 'not tried');
    expect(notTried.map(({ number }) => number)).toEqual(NEED_THE_INSIDE);
  }
});

test.each([
  ['accepts everything', [12, 13, 16, 17, 18, 24, 28, 32, 33, 34, 36, 42, 44, 45, 53]],
  ['locks everyone', [5, 6, 7, 8, 9, 11, 12, 20, 26, 28, 37]],
  ['trusts sessions', [21, 41, 43, 46, 48, 51, 54]],
] as const)('attacks on a server that %s succeed', async (carelessness, numbers) => {
  const origin = await startCarelessServer(carelessness);
  const rows = await attack(await openTarget(new URL(origin), SEED), numbers);
  expect(rows.filter(({ outcome }) => outcome !== 'broken')).toEqual([]);
});
