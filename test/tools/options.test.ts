import { expect, test } from 'vitest';
import { readOptions } from '../../tools/bench/options.ts';

const read = (...args: string[]) => readOptions(args, { rounds: 7, 'flood-seconds': 0.5 }, ['write']);

test('options that are not given are those by default', () => {
  expect(read()).toEqual({ rounds: 7, 'flood-seconds': 0.5, write: false });
});

test('options that are given count, as numbers and as flags', () => {
  expect(read('--rounds', '2', '--flood-seconds=1.5', '--write')).toEqual({
    rounds: 2,
    'flood-seconds': 1.5,
    write: true,
  });
});

test('what is no number above 0, and what is no option, is refused by its name', () => {
  for (const value of ['0', 'many', '=-1']) {
    const args = value.startsWith('=') ? [`--rounds${value}`] : ['--rounds', value];
    expect(() => read(...args)).toThrow('--rounds must be a number above 0.');
  }
  expect(() => read('--round', '2')).toThrow(/--round/);
});
