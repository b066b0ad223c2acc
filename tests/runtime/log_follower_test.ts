/** How the logs of several stages are followed, by a worker and by its next life. */

import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { LogFollower } from "../../lib/runtime/log_follower.ts";
import { withFolder } from "./condition.ts";

const HEAD = "epoch,train_loss,val_loss\n";

/** A follower, and what it tells: the training losses. */
function followed(logs: readonly (readonly string[])[], told = 0) {
  const losses: (number | null | undefined)[] = [];
  const complaints: string[] = [];
  const follower = new LogFollower(logs, {
    epoch: ({ trainLoss }) => losses.push(trainLoss),
    unreadable: (reason) => complaints.push(reason),
  }, told);
  return { follower, losses, complaints };
}

Deno.test("log follower: each stage's log is followed, and a later life goes on in the one where it was", () =>
  withFolder(async (folder) => {
    const paths = ["one.csv", "two.csv"].map((name) => join(folder, name));
    const [one = "", two = ""] = paths;
    const logs = paths.map((path) => [path]);
    const first = followed(logs);
    first.follower.read();
    await Deno.writeTextFile(one, `${HEAD}0,0.9,\n1,0.8,\n`);
    first.follower.read();
    deepEqual(first.losses, [0.9, 0.8]);
    // The last row of a stage and the first of the next, between two looks.
    await Deno.writeTextFile(one, "2,0.7,\n", { append: true });
    await Deno.writeTextFile(two, `${HEAD}0,0.6,\n`);
    first.follower.read();
    deepEqual(first.losses, [0.9, 0.8, 0.7, 0.6]);
    const { rows } = first.follower;
    first.follower.close();

    await Deno.writeTextFile(two, "1,0.5,\n2,0.4,", { append: true });
    const second = followed(logs, rows);
    second.follower.end();
    deepEqual(second.losses, [0.5, 0.4]);
    equal(second.follower.rows, 6);
    deepEqual([first.complaints, second.complaints], [[], []]);
  }));

Deno.test("log follower: of the places of one log the first that has one is followed", () =>
  withFolder(async (folder) => {
    const paths = ["one.csv", "two.csv"].map((name) => join(folder, name));
    for (const path of paths) await Deno.writeTextFile(path, `${HEAD}0,0.9,\n`);
    const { follower, losses } = followed([paths]);
    follower.end();
    deepEqual(losses, [0.9]);
  }));
Deno.test("log follower: rows that were told are not told again, and rows without end are not told", () =>
  withFolder(async (folder) => {
    const path = join(folder, "training_log.csv");
    const rows = Array.from({ length: 100_005 }, (_, epoch) => `${epoch},0.5\n`).join("");
    await Deno.writeTextFile(path, `epoch,train_loss\n${rows}`);
    const epochs: number[] = [];
    const complaints: string[] = [];
    const follower = new LogFollower([[path]], {
      epoch: ({ epoch }) => epochs.push(epoch),
      unreadable: (reason) => complaints.push(reason),
    }, 99_998);
    follower.read();
    follower.end();
    deepEqual(epochs, [99_998, 99_999]);
    equal(follower.rows, 100_000);
    deepEqual(complaints, ["The trainer's logs have more than 100000 rows; no more are told"]);
  }));
