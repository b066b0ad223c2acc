/** Losses as a plot of characters. The one importer of `asciichart`. */

import asciichart from "asciichart";

/** Characters that the scale at the left takes. */
const SCALE_COLUMNS = 12;
const COLUMNS_MAX = 72;
const COLUMNS_MIN = 8;

/**
 * The values as lines of `height` + 1 characters, thinned to the width there is. Values that are no
 * finite numbers are left out; fewer than two make no plot.
 */
export function plotLines(
  values: readonly number[],
  { columns, height }: { readonly columns: number; readonly height: number },
): string[] {
  const finite = values.filter(Number.isFinite);
  const width = Math.min(COLUMNS_MAX, columns - SCALE_COLUMNS);
  if (finite.length < 2 || width < COLUMNS_MIN) return [];
  const text: string = asciichart.plot(stretched(finite, width), {
    height,
    format: (value: number) => value.toPrecision(3).padStart(SCALE_COLUMNS - 2),
  });
  return text.split("\n").map((line) => line.trimEnd());
}

/** The values spread over `width` columns: means where there are more, steps where there are fewer. */
function stretched(values: readonly number[], width: number): number[] {
  return Array.from({ length: width }, (_, column) => {
    const start = Math.floor(column * values.length / width);
    const end = Math.max(start + 1, Math.floor((column + 1) * values.length / width));
    const part = values.slice(start, end);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
