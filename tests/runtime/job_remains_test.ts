/** Processes that jobs leave behind, at a real desk: they keep the next job away until they are gone. */

import { equal, match } from "node:assert/strict";
import { join } from "node:path";
import { RunFolder } from "../../lib/runtime/run_folder.ts";
import { until } from "./condition.ts";
import { addToSpec, AGAIN, deskTests, ONE, TRAINS, TWO } from "./desk_scene.ts";

const test = deskTests("job remains");

test(
  "no second job is begun beside a trainer whose job cannot be read, and its process is named",
  TRAINS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("three words", () => lab.events(ONE).length === 4);
    const trainer = await new RunFolder(join(lab.jobFolder(ONE), "run")).trainer();
    await lab.nextLife(() => addToSpec(lab, "spoilt"));
    equal(lab.statuses.at(-1), "maintenance");
    const again = await lab.client(AGAIN);
    await again.reserve(TWO);
    const { code, reason } = await again.next("job_refused");
    equal(code, "closed");
    match(reason, new RegExp(`^Process ${trainer?.pid} still trains ${ONE}, which this worker`));
    again.endJob("job_cancel", ONE);
    equal((await again.next("job_refused")).reason, reason);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("a free worker", () => lab.statuses.at(-1) === "available");
    await again.reserve(TWO);
    await again.next("job_lease", TWO);
  },
);

test(
  "processes that outlive SIGKILL keep the next job away, and are named",
  TRAINS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("three words", () => lab.events(ONE).length === 4);
    const run = new RunFolder(join(lab.jobFolder(ONE), "run"));
    const pid = (await run.trainer())?.pid ?? 0;
    await lab.nextLife(async () => {
      Deno.kill((await run.keeper())?.pid ?? 0, "SIGKILL");
      using _lock = await run.lock();
      const exit = { exit_code: 1, signal: null, complaint: "", is_buried: false };
      await run.writeEnd({ type: "exited", ...exit });
    });
    await until("the verdict", () => lab.events(ONE).at(-1) === "job_failed");
    await until("maintenance", () => lab.statuses.at(-1) === "maintenance");
    const again = await lab.client(AGAIN);
    await again.reserve(TWO);
    const { reason } = await again.next("job_refused");
    match(reason, new RegExp(`^Process (\\d+, )*${pid}(, \\d+)* of ${ONE} outlives SIGKILL`));
    Deno.kill(-pid, "SIGKILL");
    await until("a free worker", () => lab.statuses.at(-1) === "available");
  },
);
