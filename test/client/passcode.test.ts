import { expect, test } from 'vitest';
import { passcodeIn } from '../../src/client/passcode.ts';

test.each([
  ['012345', '012345'],
  [' 012 345 ', '012345'],
  ['012-345', '012345'],
  ['0 1 2 3 4 5', '012345'],
  [
    'Two-Factor Demo: 012345 is your code to unlock your account. It works once, for 1 hour.\n@localhost #012345',
    '012345',
  ],
])('reads %o as the code %s', (typed, passcode) => {
  expect(passcodeIn(typed)).toBe(passcode);
});

test.each(['', '12345', '1234567', 'abcdef', 'first 012345, then 543210', '+12025550123'])(
  'finds no code in %o',
  (typed) => {
    expect(passcodeIn(typed)).toBeUndefined();
  },
);
