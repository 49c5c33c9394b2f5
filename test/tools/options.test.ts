import { expect, test } from 'vitest';
import { readOptions } from '../../tools/bench/options.ts';

const read = (...args: string[]) => readOptions(args, { rounds: 7, 'flood-seconds': 0.5 }, ['write']);

test('options have defaults', () => {
  expect(read()).toEqual({ rounds: 7, 'flood-seconds': 0.5, write: false });
});

test('options are numbers and flags', () => {
  expect(read('--rounds', '2', '--flood-seconds=1.5', '--write')).toEqual({
    rounds: 2,
    'flood-seconds': 1.5,
    write: true,
  });
});

test('a wrong number and an unknown option are refused by name', () => {
  for (const value of ['0', 'many', '=-1']) {
    const args = value.startsWith('=') ? [`--rounds${value}`] : ['--rounds', value];
    expect(() => read(...args)).toThrow('--rounds must be a number above 0.');
  }
  expect(() => read('--round', '2')).toThrow(/--round/);
});
