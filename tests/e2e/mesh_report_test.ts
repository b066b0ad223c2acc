/** What workers report of their mesh stands in the server's metrics. */

import assert from "node:assert/strict";
import { eventually } from "./condition.ts";
import { onStage } from "./stage.ts";

/** For a silent worker to be dialled in vain. */
const REPORTED_MS = 40_000;

Deno.test("e2e: dials in vain are counted by the server", () =>
  onStage("auto", async (stage) => {
    // The one with the smaller id dials.
    const [, frozen] = await stage.workers([{ name: "gpu-a" }, { name: "gpu-b" }]);
    assert.ok(frozen !== undefined);
    const failures = async () => {
      const text = await (await fetch(`${stage.lab.room.server}/metrics`)).text();
      return Number(/^sleap_rtc_mesh_dial_failures_total (\d+)$/m.exec(text)?.[1]);
    };
    frozen.program.signal("SIGSTOP");
    try {
      await eventually(
        "a failed dial in the metrics",
        async () => await failures() > 0 ? true : undefined,
        REPORTED_MS,
      );
    } finally {
      frozen.program.signal("SIGCONT");
    }
  }));
