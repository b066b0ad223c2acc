/**
 * Reads a trainer's `training_log.csv` while it grows. Knows text, not files: whoever follows the
 * file hands over what is new of it.
 */

/** One row of the log. Numbers that the trainer left out, or that are not finite, are null. */
export interface EpochRow {
  /** Counted from 0, as the trainer writes it. */
  readonly epoch: number;
  /** Null in the first row of sleap-nn; in later rows of recent versions it is that of the epoch before. */
  readonly trainLoss: number | null;
  readonly valLoss: number | null;
  readonly learningRate: number | null;
  /** Whether a loss is written as `nan` or `inf`: the training has gone astray. */
  readonly isDiverged: boolean;
  /** Whether an epoch is over. The first row of older versions is a validation before anything is learnt. */
  readonly isOver: boolean;
  /** The other columns that have a number, by their names. */
  readonly metrics: Readonly<Record<string, number>>;
}

/** What a line turned out to be. */
export type LogEntry =
  | { readonly kind: "row"; readonly row: EpochRow }
  | { readonly kind: "unreadable"; readonly reason: string };

/** Characters of a line. Higher: a trainer makes us hold more; lower: many metrics fail. */
export const LOG_LINE_LENGTH_MAX = 64 * 1024;

/**
 * What the losses are called: recent versions of sleap-nn (seen with 0.3.5) have a slash. They write a
 * row when an epoch has been validated, before they sum its training up.
 */
const TRAIN_LOSS = { older: "train_loss", recent: "train/loss" } as const;
const VAL_LOSS = { older: "val_loss", recent: "val/loss" } as const;
const NAMED_COLUMNS: readonly string[] = ["epoch", "learning_rate"]
  .concat(Object.values(TRAIN_LOSS), Object.values(VAL_LOSS));

/** Parses the log piece by piece, wherever the pieces are cut. */
export class TrainingLogParser {
  #columns: readonly string[] | undefined;
  #rest = "";
  #isSkipping = false;

  /** What the lines that `text` completes turn out to be. */
  push(text: string): LogEntry[] {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    const entries = lines.flatMap((line) => this.#line(line));
    if (this.#rest.length > LOG_LINE_LENGTH_MAX) {
      this.#rest = "";
      if (!this.#isSkipping) entries.push(tooLong());
      this.#isSkipping = true;
    }
    return entries;
  }

  /** What the last line turns out to be where the trainer ended without closing it. */
  end(): LogEntry[] {
    const line = this.#rest;
    this.#rest = "";
    return this.#line(line);
  }

  #line(raw: string): LogEntry[] {
    if (this.#isSkipping) {
      this.#isSkipping = false;
      return [];
    }
    const line = raw.replace(/\r$/, "").replace(/^\ufeff/, "");
    if (line.length > LOG_LINE_LENGTH_MAX) return [tooLong()];
    if (line.trim() === "") return [];
    const cells = cellsOf(line);
    // A trainer that resumes writes its header again, perhaps with other metrics.
    if (cells[0] === "epoch") {
      this.#columns = cells;
      return [];
    }
    return [entryOf(cells, this.#columns)];
  }
}

function entryOf(cells: readonly string[], columns: readonly string[] | undefined): LogEntry {
  if (columns === undefined) return unreadable("Expected a header that starts with `epoch`", cells);
  if (cells.length !== columns.length) {
    return unreadable(`Expected ${columns.length} cells, got ${cells.length}`, cells);
  }
  const byName = new Map(columns.map((column, index) => [column, cells[index] ?? ""]));
  const epoch = numberOf(byName.get("epoch"));
  if (epoch === null || !Number.isSafeInteger(epoch) || epoch < 0) {
    return unreadable("Expected a whole epoch from 0", cells);
  }
  const metrics = columns.flatMap((column): [string, number][] => {
    const value = NAMED_COLUMNS.includes(column) ? null : numberOf(byName.get(column));
    return value === null ? [] : [[column, value]];
  });
  const isRecent = byName.has(VAL_LOSS.recent);
  const style = isRecent ? "recent" : "older";
  const [trainCell, valCell] = [byName.get(TRAIN_LOSS[style]), byName.get(VAL_LOSS[style])];
  const trainLoss = numberOf(trainCell);
  const isDiverged = [trainCell, valCell].some(isAstray);
  return {
    kind: "row",
    row: {
      epoch,
      trainLoss,
      valLoss: numberOf(valCell),
      learningRate: numberOf(byName.get("learning_rate")),
      isDiverged,
      isOver: isRecent || isDiverged || trainLoss !== null,
      metrics: Object.fromEntries(metrics),
    },
  };
}

function numberOf(cell: string | undefined): number | null {
  if (cell === undefined || cell.trim() === "") return null;
  const value = Number(cell);
  return Number.isFinite(value) ? value : null;
}

function isAstray(cell: string | undefined): boolean {
  return /^\s*[-+]?(nan|inf|infinity)\s*$/i.test(cell ?? "");
}

/** Cells between commas; a cell in double quotes may hold commas and doubled quotes (RFC 4180). */
function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(",").map((cell) => cell.trim());
  const cells = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...cells].map(([, quoted, plain]) =>
    quoted?.replaceAll('""', '"') ?? plain?.trim() ?? ""
  );
}

function tooLong(): LogEntry {
  return {
    kind: "unreadable",
    reason: `Expected a line of at most ${LOG_LINE_LENGTH_MAX} characters, got a longer one`,
  };
}

function unreadable(wanted: string, cells: readonly string[]): LogEntry {
  return {
    kind: "unreadable",
    reason: `${wanted}, got ${JSON.stringify(cells.join(",")).slice(0, 200)}`,
  };
}
