import { expect, test } from 'vitest';
import { compareTwins, TWIN_ANSWERS } from './twins.ts';

test("a stranger can't tell an address with an account from one without (attack 53)", async () => {
  const { sent, kinds } = await compareTwins(100);
  expect(sent).toBeGreaterThan(100);
  expect(TWIN_ANSWERS.filter((kind) => !kinds.has(kind))).toEqual([]);
});
