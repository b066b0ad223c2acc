/** Tables of characters for any width of screen. The one importer of `cli-table3`. */

import Table from "cli-table3";
import { cleanText, fitText, paint, widthOf } from "./terminal_text.ts";

/** One column: its head and how dear it is. */
export interface Column<Row> {
  readonly head: string;
  /** Columns of the highest number go first where the screen is narrow; 0 always stays. */
  readonly droppedAt: number;
  readonly align?: "left" | "right";
  /** What stands in it. It need not be clean. */
  cell(row: Row): string;
}

/** Characters between two columns. */
const GAP = 2;
/** The narrowest that a column which must stay is cut to. */
const COLUMN_WIDTH_MIN = 8;
const NO_BORDER = {
  "top": "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  "bottom": "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "",
  "mid-mid": "",
  "right": "",
  "right-mid": "",
  "middle": " ".repeat(GAP),
};

/** The rows as lines no wider than `columns`: less important columns are dropped, long cells cut. */
export function tableLines<Row>(
  rows: readonly Row[],
  spec: readonly Column<Row>[],
  { columns, isColored }: { readonly columns: number; readonly isColored: boolean },
): string[] {
  let shown = [...spec];
  const widthOfColumn = (column: Column<Row>) =>
    Math.max(widthOf(column.head), ...rows.map((row) => widthOf(cleanText(column.cell(row)))));
  const total = () => shown.reduce((sum, column) => sum + widthOfColumn(column) + GAP, 0) - GAP;
  while (total() > columns) {
    const droppedAt = Math.max(...shown.map((column) => column.droppedAt));
    if (droppedAt === 0) break;
    shown = shown.filter((column) => column.droppedAt !== droppedAt);
  }
  const surplus = Math.max(0, total() - columns);
  const cellWidth = (column: Column<Row>, index: number) => {
    const width = widthOfColumn(column);
    return index === 0 ? Math.max(COLUMN_WIDTH_MIN, width - surplus) : width;
  };
  const table = new Table({
    head: shown.map(({ head }) => paint(head, "bold", isColored)),
    colAligns: shown.map(({ align }) => align ?? "left"),
    chars: NO_BORDER,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
  });
  for (const row of rows) {
    table.push(
      shown.map((column, index) => fitText(cleanText(column.cell(row)), cellWidth(column, index))),
    );
  }
  return table.toString().split("\n").map((line) => line.trimEnd());
}
