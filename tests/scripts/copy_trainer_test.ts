/** That the proof of jobs sees wrong results: what it compares them with. */

import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import {
  copyTrainer,
  EPOCHS,
  noisyPackage,
  whyWrong,
} from "../../scripts/proof/jobs/copy_trainer.ts";
import { withFolder } from "../runtime/condition.ts";

/** Has the stand-in train, and gives the package and the results. */
async function trained(folder: string): Promise<{ file: string; results: string }> {
  const file = join(folder, "animal.pkg.slp");
  const results = join(folder, "results");
  await noisyPackage(file, 200_000);
  await Deno.mkdir(results);
  const program = (await copyTrainer(folder)).at(-1) ?? "";
  const args = [`data_config.train_labels_path=[${file}]`, `++trainer_config.ckpt_dir=${results}`];
  const { code } = await new Deno.Command(program, { args }).output();
  equal(code, 0);
  return { file, results };
}

Deno.test("copy trainer: its results are right, and any change of them is seen", () =>
  withFolder(async (folder) => {
    const { file, results } = await trained(folder);
    equal((await Deno.stat(file)).size, 200_000);
    equal(await whyWrong(results, file), undefined);

    const log = join(results, "training_log.csv");
    const rows = await Deno.readTextFile(log);
    await Deno.writeTextFile(log, rows.replace(`${EPOCHS - 1},0.8`, `${EPOCHS - 1},0.7`));
    match(String(await whyWrong(results, file)), /training_log\.csv has wrong bytes/);
    await Deno.writeTextFile(log, rows);

    const weights = join(results, "best.ckpt");
    const bytes = await Deno.readFile(weights);
    bytes[100_000] = (bytes[100_000] ?? 0) ^ 1;
    await Deno.writeFile(weights, bytes);
    match(String(await whyWrong(results, file)), /best\.ckpt has wrong bytes/);

    await Deno.remove(weights);
    match(String(await whyWrong(results, file)), /The results are training_log\.csv/);
  }));
