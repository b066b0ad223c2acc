/** Losses as a plot of characters. The one importer of `asciichart`. */

import asciichart from "asciichart";
import { formatLoss } from "./amount.ts";

/** Characters that the scale at the left takes. */
const SCALE_COLUMNS = 12;
const COLUMNS_MAX = 72;
const COLUMNS_MIN = 8;
/** Values that span more than this factor are drawn by their powers of ten: else a loss that falls is a wall and a floor. */
const LINEAR_SPAN_MAX = 100;

/**
 * The values as lines of `height` + 1 characters, thinned to the width there is. Values that are no
 * finite numbers are left out; fewer than two make no plot. The scale is logarithmic where the values
 * are positive and span more than {@linkcode LINEAR_SPAN_MAX}.
 */
export function plotLines(
  values: readonly number[],
  { columns, height }: { readonly columns: number; readonly height: number },
): string[] {
  const finite = values.filter(Number.isFinite);
  const width = Math.min(COLUMNS_MAX, columns - SCALE_COLUMNS);
  if (finite.length < 2 || width < COLUMNS_MIN) return [];
  const least = Math.min(...finite);
  const isLogarithmic = least > 0 && Math.max(...finite) / least > LINEAR_SPAN_MAX;
  const drawn = isLogarithmic ? finite.map(Math.log10) : finite;
  const text: string = asciichart.plot(stretched(drawn, width), {
    height,
    format: (value: number) =>
      formatLoss(isLogarithmic ? 10 ** value : value).padStart(SCALE_COLUMNS - 2),
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
