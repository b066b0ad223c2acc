/** How files that workers do not find are shown. Prints nothing. */

import type { WorkerMissing } from "../client/refusal.ts";
import type { Io } from "./io.ts";
import { tableLines } from "./table.ts";
import { cleanText } from "./terminal_text.ts";

/** A table a worker: what is missing, and what comes nearest there. */
export function missingLines(lists: readonly WorkerMissing[], io: Io): string[] {
  return lists.flatMap(({ worker, missing }) => {
    const rows = missing.flatMap(({ path, candidates }) =>
      candidates.length === 0
        ? [{ path, nearest: "nothing like it" }]
        : candidates.map((nearest, index) => ({ path: index === 0 ? path : "", nearest }))
    );
    const table = tableLines(rows, [
      { head: "MISSING", droppedAt: 0, cell: ({ path }) => path },
      { head: "NEAREST", droppedAt: 0, cell: ({ nearest }) => nearest },
    ], {
      // A path that is cut helps nobody: long ones may leave the screen.
      columns: Number.MAX_SAFE_INTEGER,
      isColored: io.isColored && io.isErrTerminal,
    });
    return [`Videos that ${cleanText(worker)} does not find:`, ...table];
  });
}
