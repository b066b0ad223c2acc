/** Losses as a plot of characters. The one importer of `asciichart`. */

import asciichart from "asciichart";
import { formatLoss } from "./amount.ts";

/** Characters that the scale at the left takes. */
const SCALE_COLUMNS = 12;
const COLUMNS_MAX = 72;
const COLUMNS_MIN = 8;
/** Values that span more than this factor are drawn by their powers of ten: else a loss that falls is a wall and a floor. */
const LINEAR_SPAN_MAX = 100;

/** What is drawn, and how much room there is. */
export interface PlotSize {
  readonly columns: number;
  readonly height: number;
  /** Whether curves can be told apart: else only the first one is drawn. */
  readonly isColored: boolean;
}

/**
 * Curves as lines of `height` + 1 characters, each thinned to the width there is: the first in cyan, the
 * second in yellow. Values that are no finite numbers are left out; fewer than two make no curve. The
 * scale is logarithmic where the values are positive and span more than {@linkcode LINEAR_SPAN_MAX}.
 */
export function plotLines(
  curves: readonly (readonly number[])[],
  { columns, height, isColored }: PlotSize,
): string[] {
  const drawable = curves.map((values, index) => ({
    values: values.filter(Number.isFinite),
    color: index === 0 ? asciichart.cyan : asciichart.yellow,
  })).filter(({ values }) => values.length >= 2).slice(0, isColored ? curves.length : 1);
  const width = Math.min(COLUMNS_MAX, columns - SCALE_COLUMNS);
  if (drawable.length === 0 || width < COLUMNS_MIN) return [];
  const all = drawable.flatMap(({ values }) => values);
  const least = all.reduce((one, other) => Math.min(one, other));
  const most = all.reduce((one, other) => Math.max(one, other));
  const isLogarithmic = least > 0 && most / least > LINEAR_SPAN_MAX;
  const drawn = drawable.map(({ values }) =>
    stretched(isLogarithmic ? values.map(Math.log10) : values, width)
  );
  const text: string = asciichart.plot(drawn, {
    height,
    ...(isColored ? { colors: drawable.map(({ color }) => color) } : {}),
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
