import { expect, test } from 'vitest';
import { compareTwins, TWIN_ANSWERS } from '../../model/twins.ts';

test("a stranger can't tell an address with an account from one without, in two thousand tries", async () => {
  const { sent, kinds } = await compareTwins(2000);
  expect(sent).toBeGreaterThan(2000);
  expect(TWIN_ANSWERS.filter((kind) => !kinds.has(kind))).toEqual([]);
});
