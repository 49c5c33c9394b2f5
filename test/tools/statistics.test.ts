import { describe, expect, test } from 'vitest';
import { mannWhitneyZ, median, medians, percentile, spreadOf, threeDigits } from '../../tools/statistics.ts';

describe('a percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  test('is the value that this share of the values does not exceed', () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(hundred, 0)).toBe(1);
  });

  test('of few values is one of them', () => {
    expect(percentile([3, 1, 2], 0.99)).toBe(3);
    expect(percentile([7], 0.5)).toBe(7);
  });

  test('of no values is NaN', () => {
    expect(percentile([], 0.5)).toBeNaN();
  });

  test('does not change the order of its input', () => {
    const values = [3, 1, 2];
    percentile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('a spread', () => {
  test('has the middle value of an odd number of rounds', () => {
    expect(spreadOf([5, 1, 3])).toEqual({ median: 3, min: 1, max: 5 });
  });

  test('has the mean of the two middle values of an even number of rounds', () => {
    expect(spreadOf([4, 1, 2, 100])).toEqual({ median: 3, min: 1, max: 100 });
  });

  test('of no rounds is NaN', () => {
    expect(spreadOf([])).toEqual({ median: Number.NaN, min: Number.NaN, max: Number.NaN });
  });
});

test('a number has three significant digits, or all digits from a thousand up', () => {
  expect([12_345.6, 123.456, 45.678, 0.123_45, 0.000_012_3, 2].map(threeDigits)).toEqual([
    '12346',
    '123',
    '45.7',
    '0.123',
    '0.0000123',
    '2',
  ]);
  expect(threeDigits(Number.NaN)).toBe('–');
});

test('medians are taken figure by figure', () => {
  const rows = [
    { slow: 1, fast: 30 },
    { slow: 2, fast: 10 },
    { slow: 9, fast: 20 },
  ];
  expect(medians(rows)).toEqual({ slow: 2, fast: 20 });
  expect(medians(rows.slice(0, 2))).toEqual({ slow: 1.5, fast: 20 });
});

test('the Mann-Whitney test tells two distributions apart, and only those', () => {
  const spread = (from: number) => Array.from({ length: 100 }, (_, index) => from + index);
  expect(median([3, 1, 2, 10])).toBe(2.5);
  expect(mannWhitneyZ(spread(0), spread(0))).toBe(0);
  expect(mannWhitneyZ(spread(60), spread(0))).toBeGreaterThan(4);
  expect(mannWhitneyZ(spread(0), spread(60))).toBeLessThan(-4);
});
