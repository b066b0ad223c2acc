/** The program: hands the command line to the command that it names, and ends with its exit code. */

import { enter } from "./lib/cli/entrance.ts";
import { systemIo } from "./lib/cli/io.ts";

/** What a shell reports for a program whose reader went away (SIGPIPE). */
const EXIT_READER_GONE = 141;

if (import.meta.main) {
  try {
    Deno.exit(await enter(Deno.args, systemIo()));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT_READER_GONE);
    throw error;
  }
}
