/** Whoever reads what a command writes, and may go away while it writes on its own account. */

import type { Io } from "./io.ts";

/** `io` whose reader may go away at any time: that aborts `unread`, and no handler of ours throws. */
export function whileRead(io: Io, unread: AbortController): Io {
  const guarded = (write: (text: string) => void) => (text: string) => {
    try {
      write(text);
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      unread.abort(error);
    }
  };
  return {
    ...io,
    // Spread, they would stay as they are now; windows change their size.
    get columns() {
      return io.columns;
    },
    get rows() {
      return io.rows;
    },
    out: guarded(io.out),
    draw: guarded(io.draw),
  };
}
