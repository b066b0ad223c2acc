/** Whose processes are on a GPU: families of processes in a table, and a real one. */

import { deepEqual, equal } from "node:assert/strict";
import { existsSync } from "node:fs";
import {
  isUsedByOthers,
  linuxGenealogy,
  parseStat,
  type Relatives,
} from "../../../lib/runtime/gpu/ownership.ts";
import { until } from "../condition.ts";

const WORKER = 100;
const JOB = 200;

/** [parent, group, session] by process id. The worker was started by a shell, 50. */
const FAMILY: Readonly<Record<number, readonly [number, number, number]>> = {
  50: [1, 50, 50],
  100: [50, 100, 50],
  200: [100, 200, 200],
  201: [200, 200, 200], // A data loader.
  202: [1, 200, 200], // Its parent died.
  203: [201, 203, 203], // It left the group.
  204: [1, 204, 200], // It left the group, and its parent died.
  300: [50, 300, 50], // Another job of the worker's shell.
  400: [1, 400, 400],
  401: [401, 401, 401],
};

function genealogy(pid: number): Promise<Relatives | undefined> {
  const row = FAMILY[pid];
  if (row === undefined) return Promise.resolve(undefined);
  const [parent, group, session] = row;
  return Promise.resolve({ parent, group, session });
}

Deno.test("a job's whole family is ours, and nobody else is", async () => {
  const rows: [what: string, pids: number[], isBusy: boolean, wanted: boolean][] = [
    ["nobody", [], false, false],
    ["the worker", [WORKER], false, false],
    ["its job and a child", [JOB, 201], true, false],
    ["an orphan of the group", [202], true, false],
    ["a child in a group of its own", [203], true, false],
    ["an orphan of the session", [204], true, false],
    ["another job of the same shell", [300], true, true],
    ["the shell itself", [50], true, true],
    ["somebody's daemon beside our job", [JOB, 400], true, true],
    ["its own ancestor, in a circle", [401], false, true],
    ["one that cannot be seen, while we are idle", [999], false, true],
    ["one that cannot be seen, while our job runs", [999], true, false],
  ];
  for (const [what, pids, isBusy, wanted] of rows) {
    equal(await isUsedByOthers(pids, { own: [WORKER], isBusy, genealogy }), wanted, what);
  }
  equal(
    await isUsedByOthers([400], { own: [WORKER, 400], isBusy: true, genealogy }),
    false,
    "a job that outlived its worker, and was taken up again",
  );
});

Deno.test("names of processes do not mislead", () => {
  deepEqual(parseStat("7 (a) S 1) R 5 6 (x) S 11 12 13 0 -1\n"), {
    parent: 11,
    group: 12,
    session: 13,
  });
  for (const text of ["", "7 (python)", "7 (python) S a b c "]) equal(parseStat(text), undefined);
});

Deno.test({
  name: "a real child is its parent's, and no stranger's",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const child = new Deno.Command("sleep", { args: ["600"], detached: true }).spawn();
    const options = { isBusy: true, genealogy: linuxGenealogy };
    try {
      equal(await isUsedByOthers([child.pid], { own: [Deno.pid], ...options }), false);
      equal(await isUsedByOthers([child.pid], { own: [child.pid + 1], ...options }), true);
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
    await until("its end", () => !existsSync(`/proc/${child.pid}`));
    equal(await linuxGenealogy(child.pid), undefined);
  },
});
