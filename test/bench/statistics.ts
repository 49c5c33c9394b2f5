import { median } from '../support/statistics.ts';

/** The middle of several rounds' values, with the least and the greatest. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The value that `share` (0 to 1) of the values do not exceed, by nearest rank; NaN where there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** Median, least and greatest of the values; NaN where there are none. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: Number.NaN, min: Number.NaN, max: Number.NaN };
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** The value to three significant digits, as people write it: `1234`, `45.6`, `0.123`; a dash where it is unknown. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
