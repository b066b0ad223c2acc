/** What a trainer writes into its log: told once over the lives of a worker, and not without end. */

import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { LogFollower } from "../../lib/runtime/log_follower.ts";
import { withFolder } from "./condition.ts";

Deno.test("log follower: rows that were told are not told again, and rows without end are not told", () =>
  withFolder(async (folder) => {
    const path = join(folder, "training_log.csv");
    const rows = Array.from({ length: 100_005 }, (_, epoch) => `${epoch},0.5\n`).join("");
    await Deno.writeTextFile(path, `epoch,train_loss\n${rows}`);
    const epochs: number[] = [];
    const complaints: string[] = [];
    const follower = new LogFollower([path], {
      epoch: ({ epoch }) => epochs.push(epoch),
      unreadable: (reason) => complaints.push(reason),
    }, 99_998);
    follower.read();
    follower.end();
    deepEqual(epochs, [99_998, 99_999]);
    equal(follower.rows, 100_000);
    deepEqual(complaints, ["The trainer's log has more than 100000 rows; no more are told"]);
  }));
