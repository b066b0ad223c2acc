/** The stages of a job, as one process runs them. Each is a shell script that says its name. */

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runStages } from "../../lib/runtime/job_stages.ts";
import { selfCommand } from "../../lib/runtime/self_command.ts";
import { until, withFolder } from "./condition.ts";

function test(what: string, body: (folder: string) => Promise<void>): void {
  Deno.test({
    name: `job stages: ${what}`,
    ignore: Deno.build.os === "windows",
    fn: () => withFolder(body),
  });
}

/** Writes a plan of these scripts. Gives its path. */
async function planOf(folder: string, scripts: readonly string[]): Promise<string> {
  const stages = scripts.map((script, index) => {
    return { title: `Stage ${index + 1}`, executable: "/bin/sh", args: ["-c", script] };
  });
  const plan = join(folder, "stages.json");
  await Deno.writeTextFile(plan, JSON.stringify({ stages }));
  return plan;
}

const runs: [string, (folder: string) => string[], number, string[]][] = [
  [
    "one after the other",
    (folder) => [`echo a > ${folder}/a`, `cat ${folder}/a > ${folder}/b`],
    0,
    ["a", "b"],
  ],
  [
    "none after one that failed",
    (folder) => [`echo a > ${folder}/a; exit 3`, `echo b > ${folder}/b`],
    3,
    ["a"],
  ],
  [
    "none after one that a signal ended",
    (folder) => ["kill -KILL $$", `echo b > ${folder}/b`],
    137,
    [],
  ],
];
for (const [what, scripts, code, left] of runs) {
  test(what, async (folder) => {
    const lines: string[] = [];
    const plan = await planOf(folder, scripts(folder));
    equal(await runStages(plan, { out: (line) => lines.push(line) }), code);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
    deepEqual(names.filter((name) => name !== "stages.json"), left);
    match(lines.join(), /^Stage 1/);
  });
}

test("none after the one that was stopped, which may end in its own way", async (folder) => {
  const stops =
    `trap 'echo kept > ${folder}/kept; exit 0' INT; touch ${folder}/up; while :; do sleep 0.02; done`;
  const plan = await planOf(folder, [stops, `touch ${folder}/next`]);
  const { executable, leading } = selfCommand();
  const child = new Deno.Command(executable, {
    args: [...leading, "job-stages", "--plan", plan],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  try {
    await until("the first stage", () => existsSync(join(folder, "up")));
    Deno.kill(-child.pid, "SIGINT");
  } catch (error) {
    Deno.kill(-child.pid, "SIGKILL");
    throw error;
  } finally {
    equal((await child.status).code, 0);
  }
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
  deepEqual(names, ["kept", "stages.json", "up"]);
});

test("what is no plan is refused", async (folder) => {
  const plan = join(folder, "stages.json");
  await Deno.writeTextFile(plan, '{"stages": []}');
  await rejects(runStages(plan, { out: () => {} }), /Expected the stages of a job/);
});
