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

test.each([
  ['service', 'Shop 424242', 'localhost'],
  ['host', 'Shop', '424242.example'],
  ['service, with the same digits', 'Shop 012345', 'localhost'],
])('splits around the code, although the name of the %s has six digits', (_, service, host) => {
  const [before, code, after] = aroundCode(`${service}: 012345 is your code.\n@${host} #012345`);
  expect([before, code, after]).toEqual([`${service}: `, '012345', ` is your code.\n@${host} #012345`]);
});

test.each(['Call +12025550123.', 'Shop 424242: your password was changed.'])(
  'does not split %o, which has no code',
  (text) => {
    expect(aroundCode(text)).toEqual([text, '', '']);
  },
);
