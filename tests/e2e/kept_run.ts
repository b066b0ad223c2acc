/** The trainers that a lab's workers have begun, found by their jobs' folders. Knows nothing of their clients. */

import { join } from "node:path";
import { RunFolder } from "../../lib/runtime/run_folder.ts";
import { eventually } from "./condition.ts";
import type { Stage } from "./stage.ts";

const GONE_MS = 20_000;

/** A trainer that runs, under its keeper. */
export interface KeptRun {
  readonly jobFolder: string;
  readonly trainer: number;
  readonly keeper: number;
}

/** The trainers that run now. */
export async function keptRuns({ folder }: Stage): Promise<readonly KeptRun[]> {
  const runs: KeptRun[] = [];
  for (const jobFolder of jobFolders(join(folder, "home", "workers"))) {
    const run = new RunFolder(join(jobFolder, "run"));
    const trainer = await run.trainer();
    const keeper = await run.keeper();
    if (trainer === undefined || keeper === undefined || await run.end() !== undefined) continue;
    runs.push({ jobFolder, trainer: trainer.pid, keeper: keeper.pid });
  }
  return runs;
}

/** Asks the keepers of trainers whose worker is gone to end them, and waits for that. */
export async function endTrainers(stage: Stage): Promise<void> {
  for (const { keeper } of await keptRuns(stage)) Deno.kill(keeper, "SIGTERM");
  await eventually(
    "no trainer",
    async () => (await keptRuns(stage)).length === 0 || undefined,
    GONE_MS,
  );
}

function jobFolders(workers: string): readonly string[] {
  const below = (folder: string) =>
    [...Deno.readDirSync(folder)].map(({ name }) => join(folder, name));
  return below(workers).flatMap((worker) => below(join(worker, "jobs")));
}
