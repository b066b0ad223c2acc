/** The main job with real processes: train from a laptop through a room, on each backend. */

import assert from "node:assert/strict";
import { join } from "node:path";
import type { LabWorker } from "../../scripts/lab/lab.ts";
import { digestFile } from "../../lib/runtime/file_digest.ts";
import { processTable } from "./process_table.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { discover, type Trained, trained } from "./training_outcome.ts";

const SAMPLES = new URL("../../../shared/data/slp/", import.meta.url);
const PACKAGE = new URL("minimal_instance.pkg.slp", SAMPLES);
const isAbsent = await Deno.stat(PACKAGE).then(() => false, () => true);

/** The files are here, have the bytes that were stated, and are those of the worker. */
async function assertWhole(stage: Stage, { id, worker, folder, files }: Trained): Promise<void> {
  assert.equal(folder, stage.results);
  assert.ok(files.some(({ path }) => path === "training_log.csv"));
  const here = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(here, files.map(({ path }) => path).sort());
  const there = join(stage.folder, "home", "workers", worker, "jobs", id, "output");
  for (const { path, sha256, bytes } of files) {
    const got = await digestFile(join(folder, path));
    assert.deepEqual(got, { sha256, bytes });
    assert.deepEqual(await digestFile(join(there, path)), got);
  }
}

function assertNobodySays(stage: Stage, workers: readonly LabWorker[], texts: string[]): void {
  const { token, secret } = stage.lab.room;
  const invite = stage.lab.environment["SLEAP_RTC_INVITE"] ?? "";
  assert.ok(token.length > 20 && secret.length > 20 && invite.includes("sleap1."));
  const programs = [stage.lab.server, ...workers.map(({ program }) => program)];
  const printed = programs.flatMap(({ text }) => [text.stdout, text.stderr]);
  for (const text of [...texts, ...printed]) {
    for (const word of [token, secret, invite]) assert.ok(!text.includes(word), "A secret is told");
  }
}

Deno.test("e2e: discover, train, discover, and no secret is told to anybody", () =>
  onStage("auto", async (stage) => {
    const workers = await stage.workers([{ name: "gpu-a" }, { name: "gpu-b" }, { name: "gpu-c" }]);
    const ids = workers.map(({ peerId }) => peerId);
    const before = await discover(stage);
    assert.deepEqual(before.workers.map(({ peer_id }) => peer_id), ids);
    assert.deepEqual(before.workers.map(({ status }) => status), Array(3).fill("available"));
    assert.equal(before.admin_peer_id, ids[0]);
    assert.equal(before.via, "admin");

    const epochs = 30;
    const client = stage.train(await stage.package(), [
      "--runner",
      "demo",
      "--epochs",
      String(epochs),
    ]);
    await client.line(({ event }) => event === "started", "that the training started", 30_000);
    const commands = processTable().map(({ command }) => command);
    const printed = await endsWith(client, 0);
    const job = trained(printed);
    assert.equal(job.worker, ids[0]);
    assert.equal(job.epochs, epochs);
    assert.ok(job.last_loss < job.first_loss);
    assert.equal(client.lines.filter(({ event }) => event === "epoch").length, epochs + 1);
    await assertWhole(stage, job);

    const after = await discover(stage);
    assert.deepEqual(after.workers.map(({ status }) => status), Array(3).fill("available"));
    assertNobodySays(stage, workers, [...commands, printed.stdout, printed.stderr]);
  }));

Deno.test("e2e: the main job on werift alone", () =>
  onStage("werift", async (stage) => {
    await stage.workers([{ name: "gpu-a" }, { name: "gpu-b" }, { name: "gpu-c" }]);
    const client = stage.train(await stage.package(), ["--runner", "demo", "--rtc", "werift"]);
    await assertWhole(stage, trained(await endsWith(client, 0)));
    assert.ok(client.lines.some(({ event, rtc }) => event === "linked" && rtc === "werift"));
  }));

Deno.test("e2e: one mesh of both backends, and a client of each", () =>
  onStage("auto", async (stage) => {
    const [first, second] = await stage.workers([
      { name: "fast", rtc: "auto" },
      { name: "plain", rtc: "werift" },
      { name: "other", rtc: "werift" },
    ]);
    assert.ok(first !== undefined && second !== undefined);
    const file = await stage.package();
    for (const [worker, rtc] of [[first, "werift"], [second, "auto"]] as const) {
      const args = ["--runner", "demo", "--rtc", rtc, "--worker", worker.peerId];
      const job = trained(await endsWith(stage.train(file, args), 0));
      assert.equal(job.worker, worker.peerId);
      await assertWhole(stage, job);
      await Deno.remove(stage.results, { recursive: true });
    }
  }));

Deno.test({
  name: "e2e: the main job on a package that SLEAP wrote" +
    (isAbsent ? " (skipped: ../shared/data is absent)" : ""),
  ignore: isAbsent,
  fn: () =>
    onStage("auto", async (stage) => {
      await stage.worker("gpu");
      const { pathname } = PACKAGE;
      await assertWhole(stage, trained(await endsWith(stage.train(pathname), 0)));
    }),
});
