/** Who counts as left in a process group. */

import { deepEqual, equal } from "node:assert/strict";
import { isBuried, membersOf, signalGroup } from "../../lib/runtime/process_group.ts";

Deno.test({
  name: "process group: those who have ended and whom nobody notices are buried",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    // A leader of its own group, and a parent that never waits for it.
    const script = `setsid sh -c 'echo $$; read _' & exec sleep 300`;
    const parent = new Deno.Command("sh", {
      args: ["-c", script],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const output = parent.stdout.getReader();
    try {
      const { value } = await output.read();
      const leader = Number(new TextDecoder().decode(value));
      equal(await isBuried(leader), true);
      deepEqual(await membersOf(leader), []);
      equal(Deno.readTextFileSync(`/proc/${leader}/stat`).includes(") Z "), true);
    } finally {
      await output.cancel();
      parent.kill("SIGKILL");
      await parent.status;
    }
  },
});

Deno.test({
  name: "process group: its living members are listed",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const child = new Deno.Command("sleep", { args: ["300"], detached: true }).spawn();
    try {
      deepEqual(await membersOf(child.pid), [child.pid]);
    } finally {
      signalGroup(child.pid, "SIGKILL");
      await child.status;
    }
    deepEqual(await membersOf(child.pid), []);
  },
});
