/**
 * Waits for keepers that a test's first life of a worker has started and left: they are this process's
 * children still, and must not end in the middle of the next test.
 */

import { existsSync } from "node:fs";
import { RunFolder } from "../../lib/runtime/run_folder.ts";
import { until } from "./condition.ts";

/** Resolves when the keeper of the run in `path` has ended and was waited for. */
export async function keeperEnded(path: string): Promise<void> {
  const keeper = await new RunFolder(path).keeper();
  if (keeper === undefined) return;
  await until("the end of a keeper", () => !existsSync(`/proc/${keeper.pid}`));
}
