import { expect, test } from 'vitest';
import { aroundCode, readableNumber } from '../../src/client/readable.ts';

test.each([
  ['+12025550123', '+1 202 555 0123'],
  ['+1 202 555 0123', '+1 202 555 0123'],
  ['+447911123456', '+447911123456'],
])('the number %o is shown as %o', (number, readable) => {
  expect(readableNumber(number)).toBe(readable);
});

test('the code of a message is found at its first place, and no letter of the text is lost', () => {
  const text = 'Two-Factor Demo: 012345 is your code.\n@localhost #012345';
  expect(aroundCode(text)).toEqual(['Two-Factor Demo: ', '012345', ' is your code.\n@localhost #012345']);
});

test('a message without a code stays whole', () => {
  expect(aroundCode('Call +12025550123.')).toEqual(['Call +12025550123.', '', '']);
});
