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
  ['٠١٢ ٣٤٥', '012345'],
  ['۰۱۲۳۴۵', '012345'],
  ['０１２３４５', '012345'],
  ['\u202a012345\u202c', '012345'],
  ['012.345', '012345'],
  ['012_345', '012345'],
  ['Shop 424242: 012345 is your code.\n@localhost #012345', '012345'],
  ['Shop: 012345 is your code. @424242.example #012345', '012345'],
  ['Shop: 012345 is your code.@424242.example #012345 ', '012345'],
  ['Your code is ٠١٢٣٤٥.', '012345'],
])('reads %o as the code %s', (typed, passcode) => {
  expect(passcodeIn(typed)).toBe(passcode);
});

test.each([
  '',
  '12345',
  '1234567',
  'abcdef',
  'first 012345, then 543210',
  '+12025550123',
  'Shop 424242: 012345 is your code',
])('finds no code in %o', (typed) => {
  expect(passcodeIn(typed)).toBeUndefined();
});
