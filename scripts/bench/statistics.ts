/** What a bench says of many numbers. Knows neither their unit nor where they come from. */

function sorted(values: readonly number[]): number[] {
  if (values.length === 0) throw new Error("Expected at least one value, got none");
  if (values.some(Number.isNaN)) throw new Error("Expected numbers, got NaN among them");
  return [...values].sort((a, b) => a - b);
}

/**
 * The smallest of `values` that at least `percent` of 100 of them do not exceed (nearest rank), so
 * it is always a value that was measured.
 *
 * @throws {Error} Where there is no value, one is not a number, or `percent` is not in (0, 100].
 */
export function percentile(values: readonly number[], percent: number): number {
  if (!(percent > 0 && percent <= 100)) {
    throw new Error(`Expected a percentage above 0 and at most 100, got ${percent}`);
  }
  const rank = Math.ceil(percent / 100 * values.length);
  return sorted(values).slice(0, rank).reduce((_lower, value) => value);
}

/**
 * The middle of `values`; of an even number of them, the mean of the two in the middle.
 *
 * @throws {Error} Where there is no value, or one is not a number.
 */
export function median(values: readonly number[]): number {
  const ordered = sorted(values);
  const middle = ordered.slice((ordered.length - 1) >> 1, (ordered.length >> 1) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** What 95 of 100 values do not exceed. See {@linkcode percentile}. */
export function p95(values: readonly number[]): number {
  return percentile(values, 95);
}

/** What 99 of 100 values do not exceed. See {@linkcode percentile}. */
export function p99(values: readonly number[]): number {
  return percentile(values, 99);
}

/** `value` with three decimals at most: finer than any clock here can tell. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
