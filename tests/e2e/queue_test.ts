/** Jobs that wait: they see their place, get their turn, and outlive the admin; Ctrl-C leaves the queue. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { decodeJson } from "../../lib/protocol/decode.ts";
import type { Program } from "../../scripts/lab/program.ts";
import { eventually } from "./condition.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { trained } from "./training_outcome.ts";

const SOON_MS = 30_000;
const TURN_MS = 60_000;

const jobsSchema = z.object({
  jobs: z.array(
    z.object({ job_id: z.string(), standing: z.string(), position: z.int().nullable() }),
  ),
});
const whySchema = z.object({
  standing: z.string(),
  position: z.int().nullable(),
  workers: z.array(z.object({ worker: z.string(), kind: z.string() })),
});

/** Starts a training of `tenths` of a second whose results are to stand in the folder `name`. */
async function trainAs(
  stage: Stage,
  file: string,
  name: string,
  tenths: number,
): Promise<Program> {
  const output = join(stage.folder, name);
  const args = await slowTraining(stage, tenths, name);
  return stage.lab.start(["train", file, "--json", "--output", output, ...args]);
}

/** Waits until `client` says that it waits at `position`. Gives its job. */
async function waitsAt(client: Program, position: number): Promise<string> {
  const line = await client.line(
    (one) => one["event"] === "waiting" && one["position"] === position,
    `that it waits at position ${position}`,
    SOON_MS,
  );
  return String(line["job_id"]);
}

/** One worker, which runs the first training for long, and a second one that waits as `jobId`. */
async function oneBehindAnother(stage: Stage) {
  await stage.worker("gpu", await slowTrainer(stage));
  const file = await stage.package();
  const first = await trainAs(stage, file, "first", 1_000);
  await first.line(({ event }) => event === "started", "that the first training started", SOON_MS);
  const second = await trainAs(stage, file, "second", 1);
  return { file, first, second, jobId: await waitsAt(second, 1) };
}

async function ask<T>(
  { lab }: Stage,
  args: readonly string[],
  schema: z.ZodType<T>,
): Promise<T> {
  const { stdout } = await endsWith(lab.start([...args, "--json"]), 0);
  const decoded = decodeJson(stdout, schema);
  assert.ok(decoded.ok, stdout);
  return decoded.value;
}

Deno.test("e2e: who waits sees its place, and gets its turn although the admin is killed meanwhile", () =>
  onStage("auto", async (stage) => {
    const [admin, worker] = await stage.workers([
      { name: "gpu-a" },
      { name: "gpu-b", trainer: await slowTrainer(stage) },
      { name: "gpu-c" },
    ]);
    assert.ok(admin !== undefined && worker !== undefined);
    const file = await stage.package();
    const first = await trainAs(stage, file, "first", 250);
    await first.line(
      ({ event }) => event === "started",
      "that the first training started",
      SOON_MS,
    );
    const second = await trainAs(stage, file, "second", 5);
    const jobId = await waitsAt(second, 1);
    const third = await trainAs(stage, file, "third", 5);
    await waitsAt(third, 2);

    const { jobs } = await ask(stage, ["jobs"], jobsSchema);
    assert.deepEqual(
      jobs.map(({ standing, position }) => [standing, position]),
      [["running", null], ["waiting", 1], ["waiting", 2]],
    );
    const why = await ask(stage, ["why", jobId], whySchema);
    assert.deepEqual([why.standing, why.position], ["waiting", 1]);
    const kinds = Object.fromEntries(why.workers.map(({ worker, kind }) => [worker, kind]));
    assert.deepEqual([kinds[admin.peerId], kinds[worker.peerId]], ["unfit", "busy"]);

    admin.program.signal("SIGKILL");
    const result = trained(await endsWith(second, 0, TURN_MS));
    assert.equal(result.worker, worker.peerId);
    // In order: the third came later, and is served later.
    assert.equal(trained(await endsWith(third, 0, TURN_MS)).worker, worker.peerId);
    assert.ok(!third.lines.some((line) => line["turn_at"] !== null && line["position"] === 2));
    await endsWith(first, 0, TURN_MS);
    await eventually(
      "a queue without anybody",
      async () =>
        (await ask(stage, ["jobs"], jobsSchema)).jobs.every(({ standing }) => standing === "done")
          ? true
          : undefined,
      SOON_MS,
    );
  }));

Deno.test("e2e: Ctrl-C while it waits leaves the queue, and says so; the next moves up", () =>
  onStage("auto", async (stage) => {
    const { file, first, second } = await oneBehindAnother(stage);
    const third = await trainAs(stage, file, "third", 1);
    await waitsAt(third, 2);
    second.signal("SIGINT");
    const { stderr } = await endsWith(second, 130, SOON_MS);
    assert.match(stderr, /left the queue, and nothing was sent/);
    await waitsAt(third, 1);
    await assert.rejects(Deno.stat(join(stage.folder, "second")), Deno.errors.NotFound);
    third.signal("SIGKILL");
    await third.exited(SOON_MS);
    // Nobody said goodbye: it keeps its place, and others would go first.
    await eventually(
      "a request whose client is away",
      async () =>
        (await ask(stage, ["jobs"], jobsSchema)).jobs.find(({ standing }) => standing === "away"),
      TURN_MS,
    );
    first.signal("SIGINT");
    await endsWith(first, 130, SOON_MS);
  }));

Deno.test("e2e: a job that waits is cancelled from another terminal, and its train hears of it", () =>
  onStage("auto", async (stage) => {
    const { first, second, jobId } = await oneBehindAnother(stage);
    const { stdout } = await endsWith(stage.lab.start(["cancel", jobId]), 0, SOON_MS);
    assert.match(stdout, new RegExp(`^Cancelled: ${jobId} waits no more, says gpu-`));
    const { stderr } = await endsWith(second, 1, SOON_MS);
    assert.match(stderr, /was cancelled while it waited/);
    const { jobs } = await ask(stage, ["jobs"], jobsSchema);
    assert.deepEqual(jobs.map(({ standing }) => standing), ["running"]);
    first.signal("SIGINT");
    await endsWith(first, 130, SOON_MS);
  }));
