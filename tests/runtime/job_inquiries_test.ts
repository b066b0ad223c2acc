/** What a real desk says of jobs that would not run there, before anything is sent. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { SPEC } from "./desk_lab.ts";
import { deskTests, ONE, WRITES } from "./desk_scene.ts";

const test = deskTests("job inquiries");

test("a trainer that is gone is told before anything is sent", WRITES, async (lab) => {
  await Deno.remove(join(lab.folder, "sleap-nn"));
  const client = await lab.client();
  await client.reserve(ONE);
  match((await client.next("job_refused", ONE)).reason, /sleap-nn is gone/);
});

const unsuitable: [string, Parameters<typeof spec>[0], string][] = [
  ["a runner that is not here", { runner: "demo" }, "no_runner"],
  ["a package that is not among the inputs", { package: "other.slp" }, "unsuitable"],
];
for (const [what, change, code] of unsuitable) {
  test(`${what} is refused`, WRITES, async (lab) => {
    const client = await lab.client();
    await client.reserve(ONE, spec(change));
    equal((await client.next("job_refused")).code, code);
    deepEqual(lab.statuses, []);
  });
}

function spec(change: { runner?: "demo"; package?: string }): JobSpec {
  const { package: name = SPEC.package, runner } = change;
  if (runner === "demo") return { kind: "train", runner, package: name, run_name: "fly" };
  return { ...SPEC, package: name };
}
