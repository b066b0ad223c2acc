/** How to start this very program again, as a process of its own. */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** An executable, and the arguments before the subcommand. */
export interface SelfCommand {
  readonly executable: string;
  readonly leading: readonly string[];
}

/**
 * This program: the compiled binary itself, or Deno with the sources.
 *
 * @param script What Deno starts, relative to the root of the sources.
 */
export function selfCommand(script = "main.ts"): SelfCommand {
  const executable = Deno.execPath();
  if (Deno.build.standalone) return { executable, leading: [] };
  const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  // Named, since the process may start in a folder where no configuration would be found.
  const config = ["--config", join(root, "deno.json")];
  return { executable, leading: ["run", "--quiet", "-A", ...config, join(root, script)] };
}
