/** A real desk that drains: for whom it waits, and for how long. */

import { equal } from "node:assert/strict";
import { join } from "node:path";
import { until } from "./condition.ts";
import { deskTests, ONE, OTHER, WAITS, WRITES } from "./desk_scene.ts";

const test = deskTests("desk drain");

test(
  "a worker that drains ends the job and serves its client first",
  `${WAITS}; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    let isDrained = false;
    const drained = lab.desk.drain("The worker is to stop").then(() => isDrained = true);
    const notice = "[The worker is to stop]";
    await until(
      "the notice",
      () =>
        client.end.heard.some((word) =>
          word.type === "job_log" && word.text === notice && word.by_worker === true
        ),
    );
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await client.next("job_done");
    await client.fetch(ONE, join(lab.folder, "home"));
    equal(isDrained, false);
    client.end.link.close("The client is done");
    await drained;
  },
);

test(
  "a worker that drains does not wait for ever for clients that do not go",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    await lab.desk.drain("The worker is to stop");
    equal(client.end.closedBecause, undefined);
  },
  { serveMs: 50 },
);

test("a worker that drains does not wait for those who only look on", WRITES, async (lab) => {
  const watcher = await lab.client(OTHER);
  await lab.desk.drain("The worker is to stop");
  equal(watcher.end.closedBecause, undefined);
});
