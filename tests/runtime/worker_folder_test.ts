import { equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { holdWorkerFolder } from "../../lib/runtime/worker_folder.ts";
import { withFolder } from "./condition.ts";

Deno.test("worker folder: one process holds it at a time", () =>
  withFolder(async (folder) => {
    const path = join(folder, "new", "worker");
    const held = await holdWorkerFolder(path, 1_000);
    await rejects(holdWorkerFolder(path, 2_000), /Expected .* to be free, got a worker that holds/);
    held[Symbol.dispose]();
    using again = await holdWorkerFolder(path, 3_000);
    equal(again.path, path);
  }));

Deno.test("worker folder: each life has a higher number, even if the clock went back", () =>
  withFolder(async (folder) => {
    let last = 0;
    for (const nowMs of [5_000.5, 9_000, 9_000, 4_000, 0]) {
      using life = await holdWorkerFolder(folder, nowMs);
      ok(Number.isSafeInteger(life.incarnation) && life.incarnation > last);
      last = life.incarnation;
    }
    equal(last, 9_003);
  }));

for (const text of ["", "nonsense", "-5", "1e400"]) {
  Deno.test(`worker folder: goes on after a power loss that left ${JSON.stringify(text)}`, () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "incarnation"), text);
      using life = await holdWorkerFolder(folder, 7_000);
      equal(life.incarnation, 7_000);
    }));
}
