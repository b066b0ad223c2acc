/**
 * The keeper of a trainer as a program of its own, for workers that run from sources: Deno resolves all
 * that a program may ever load before it begins, which is 0.27 s of a core for `main.ts` and 0.1 s for
 * this. Takes the arguments that the subcommand takes.
 */

import { z } from "zod";
import { RunFolder } from "./run_folder.ts";
import { runTrainerKeeper } from "./trainer_keeper.ts";

const argumentsSchema = z.tuple([
  z.literal("trainer-keeper"),
  z.literal("--run"),
  z.string().min(1),
]);

if (import.meta.main) {
  const [, , folder] = argumentsSchema.parse(Deno.args);
  await runTrainerKeeper(new RunFolder(folder));
}
