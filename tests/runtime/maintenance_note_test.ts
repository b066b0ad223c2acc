/** The note that a machine is to be maintained, and a worker that looks at it. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { drainCommand } from "../../lib/cli/drain.ts";
import { MaintenanceNote } from "../../lib/runtime/maintenance_note.ts";
import { fakeIo } from "../cli/fake_io.ts";
import { until, withFolder } from "./condition.ts";

Deno.test("maintenance note: the command writes and removes it, and its worker hears of both", () =>
  withFolder(async (folder) => {
    const note = new MaintenanceNote(folder);
    const heard: (string | undefined)[] = [];
    const ended = new AbortController();
    const watching = note.watch(ended.signal, (reason) => heard.push(reason));
    const at = ["--folder", folder];
    const io = fakeIo({ env: { HOME: folder } });
    equal(await drainCommand.execute([...at, "--reason", "A new driver"], io), 0);
    await until("the note", () => heard.length === 1);
    equal(await drainCommand.execute([...at, "--end"], io), 0);
    await until("its end", () => heard.length === 2);
    await Deno.writeTextFile(join(folder, "maintenance.json"), "");
    await until("a spoilt one", () => heard.length === 3);
    ended.abort();
    await watching;
    deepEqual(heard.slice(0, 2), ["A new driver", undefined]);
    match(heard[2] ?? "", /as `sleap-rtc drain` writes it/);
  }));
