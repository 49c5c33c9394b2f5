/** The list in an order that nobody can foresee. */
export function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .sort(([left], [right]) => left - right)
    .map(([, item]) => item);
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 0 ? (upper + (sorted[middle - 1] ?? 0)) / 2 : upper;
}

/** The median of each figure over all rows. */
export function medians<Row extends { readonly [Figure in keyof Row]: number }>(rows: readonly Row[]): Row {
  const figures = Object.keys(rows[0] ?? {}) as (keyof Row)[];
  return Object.fromEntries(figures.map((figure) => [figure, median(rows.map((row) => row[figure]))])) as Row;
}

/**
 * How many standard deviations the Mann-Whitney U of two samples is off what it would be if both came from one
 * distribution (normal approximation, ties halved): over 4 hardly ever happens by chance.
 */
export function mannWhitneyZ(left: readonly number[], right: readonly number[]): number {
  let u = 0;
  for (const one of left) for (const other of right) u += one > other ? 1 : one === other ? 0.5 : 0;
  const pairs = left.length * right.length;
  const deviation = Math.sqrt((pairs * (left.length + right.length + 1)) / 12);
  return deviation === 0 ? 0 : (u - pairs / 2) / deviation;
}
