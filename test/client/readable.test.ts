import { expect, test } from 'vitest';
import { aroundCode, readableNumber } from '../../src/client/readable.ts';

test.each([
  ['+12025550123', '+1 202 555 0123'],
  ['+1 202 555 0123', '+1 202 555 0123'],
  ['+447911123456', '+447911123456'],
])('shows the number %o as %o', (number, readable) => {
  expect(readableNumber(number)).toBe(readable);
});

test('splits a message around its first code, without losing text', () => {
  const text = 'Two-Factor Demo: 012345 is your code.\n@localhost #012345';
  expect(aroundCode(text)).toEqual(['Two-Factor Demo: ', '012345', ' is your code.\n@localhost #012345']);
});

test('does not split a message without a code', () => {
  expect(aroundCode('Call +12025550123.')).toEqual(['Call +12025550123.', '', '']);
});
