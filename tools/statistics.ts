/** Returns the middle value; 0 if there are no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 0 ? (upper + (sorted[middle - 1] ?? 0)) / 2 : upper;
}

/** Returns the median of each figure over all rows. */
export function medians<Row extends { readonly [Figure in keyof Row]: number }>(rows: readonly Row[]): Row {
  const figures = Object.keys(rows[0] ?? {}) as (keyof Row)[];
  return Object.fromEntries(figures.map((figure) => [figure, median(rows.map((row) => row[figure]))])) as Row;
}

/** Returns the value at the percentile `share` (0 to 1) by nearest rank; NaN if there are no values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The median, the minimum and the maximum of several rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Returns the spread of the values; NaN if there are no values. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { median: Number.NaN, min: Number.NaN, max: Number.NaN };
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** Formats a number with three significant digits, as `1234`, `45.6` or `0.123`; an unknown one as a dash. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/**
 * Returns the z-score of the Mann-Whitney U test of two samples (normal approximation, ties count half).
 * Samples of the same distribution hardly ever exceed 4.
 */
export function mannWhitneyZ(left: readonly number[], right: readonly number[]): number {
  let u = 0;
  for (const one of left) for (const other of right) u += one > other ? 1 : one === other ? 0.5 : 0;
  const pairs = left.length * right.length;
  const deviation = Math.sqrt((pairs * (left.length + right.length + 1)) / 12);
  return deviation === 0 ? 0 : (u - pairs / 2) / deviation;
}
