/** What a keeper writes down, read on from anywhere, and where it is spoilt. */

import { deepEqual, equal, throws } from "node:assert/strict";
import { join } from "node:path";
import { JournalFollower } from "../../lib/runtime/journal_follower.ts";
import { withFolder } from "./condition.ts";

const line = (text: string) => `${JSON.stringify({ stream: "stdout", text })}\n`;

async function withJournal(
  text: string,
  body: (path: string, append: (text: string) => Promise<void>) => Promise<void> | void,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = join(folder, "output.jsonl");
    await Deno.writeTextFile(path, text);
    await body(path, (more) => Deno.writeTextFile(path, more, { append: true }));
  });
}

Deno.test("journal follower: a line is told when it is whole, and counted before it is told", () =>
  withJournal(line("één") + line("two").slice(0, 9), async (path, append) => {
    const told: [string, number][] = [];
    const follower: JournalFollower = new JournalFollower(path, 0, ({ text }) => {
      told.push([text, follower.bytes]);
    });
    const first = new TextEncoder().encode(line("één")).length;
    equal(follower.read(), true);
    deepEqual(told, [["één", first]]);
    await append(line("two").slice(9) + line("three"));
    follower.read();
    deepEqual(told.slice(1).map(([text]) => text), ["two", "three"]);
    follower.close();
    follower.close();

    const later: string[] = [];
    const second = new JournalFollower(path, told[1]?.[1] ?? 0, ({ text }) => later.push(text));
    second.read();
    second.close();
    deepEqual(later, ["three"]);
  }));

Deno.test("journal follower: more than it reads at once is read the next time", () =>
  withJournal(line("x".repeat(1_000)).repeat(3_000), (path) => {
    let told = 0;
    const follower = new JournalFollower(path, 0, () => told++);
    equal(follower.read(), false);
    while (!follower.read());
    follower.close();
    equal(told, 3_000);
  }));

const spoilt: [string, string, RegExp][] = [
  ["no JSON", "weights\n", /Expected a line of a keeper's journal: Expected JSON/],
  [
    "another stream",
    '{"stream":"stdin","text":""}\n',
    /Expected a line of a keeper's journal: stream/,
  ],
  ["a line without an end", "y".repeat(2 * 1024 * 1024), /lines of at most 1048576 bytes/],
];
for (const [what, text, message] of spoilt) {
  Deno.test(`journal follower: a journal with ${what} is no keeper's`, () =>
    withJournal(text, (path) => {
      const follower = new JournalFollower(path, 0, () => {});
      throws(() => {
        while (!follower.read());
      }, message);
      follower.close();
    }));
}
