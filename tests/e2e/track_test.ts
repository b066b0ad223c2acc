/** Rehearsals and predictions with real processes: what `--dry-run`, `--predict` and `track` print. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { endsWith, onStage } from "./stage.ts";

/** The JSON object on each line. */
function objects(text: string): Record<string, unknown>[] {
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("e2e: a training is rehearsed, trained with predictions, and predicted with again", () =>
  onStage("auto", async (stage) => {
    await stage.worker("gpu");
    const file = await stage.package(6);
    const demo = ["--runner", "demo"];
    const rehearsed = await endsWith(stage.train(file, [...demo, "--dry-run"]), 0);
    const last = objects(rehearsed.stdout).at(-1);
    assert.deepEqual([last?.["ok"], last?.["dry_run"]], [true, true]);
    assert.match(String(last?.["worker"]), /^gpu-/);
    await assert.rejects(Deno.stat(stage.results), Deno.errors.NotFound);

    const tooLarge = [...demo, "--dry-run", "--min-gpu-memory", "99000"];
    const refused = await endsWith(stage.train(file, tooLarge), 6);
    assert.match(refused.stdout, /"objection":"has 24000 MB of GPU memory"/);

    await endsWith(stage.train(file, [...demo, "--epochs", "3", "--predict"]), 0);
    assert.ok((await Deno.stat(join(stage.results, "predictions.slp"))).size > 0);

    const output = join(stage.folder, "tracked");
    const args = ["track", file, ...demo, "--model", stage.results, "--output", output, "--json"];
    const tracked = await endsWith(stage.lab.start(args), 0);
    assert.equal(objects(tracked.stdout).at(-1)?.["ok"], true);
    const names = (await Array.fromAsync(Deno.readDir(output))).map(({ name }) => name);
    assert.deepEqual(names, ["predictions.slp"]);
  }));
