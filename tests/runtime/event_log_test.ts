/** What was said of a job, on disks that are full, cut off or spoilt. */

import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import type { JobEvent } from "../../lib/protocol/job_message.ts";
import { EventLog } from "../../lib/runtime/event_log.ts";
import { withFolder } from "./condition.ts";
import { jobOf } from "./desk_lab.ts";
import { mounted, unmount } from "./small_disk.ts";

const STAMP = { job_id: jobOf("job-aaaaaaaa"), attempt: 1 };

function word(sequence: number): JobEvent {
  return { type: "job_log", ...STAMP, sequence, stream: "stdout", text: `line ${sequence}` };
}

function verdict(sequence: number) {
  return {
    type: "job_failed",
    ...STAMP,
    sequence,
    duration_ms: 5,
    exit_code: 1,
    reason: "no",
  } as const;
}

function linesOf(folder: string): number[] {
  const text = Deno.readTextFileSync(join(folder, "events.jsonl"));
  return text.trimEnd().split("\n").map((line) => JSON.parse(line).sequence);
}

Deno.test({
  name: "event log: a disk that is full for a while costs no word and no verdict",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withFolder(async (folder) => {
      if (!await mounted(folder, "64k")) return;
      try {
        const log = new EventLog(folder);
        log.note(word(1));
        const filler = join(folder, "of others");
        // All but a few bytes of the last page that the log has begun.
        throws(() => Deno.writeFileSync(filler, new Uint8Array(1024 ** 2)));
        const long = { ...word(2), text: "x".repeat(6_000) };
        throws(() => log.note(long), /os error 28/);
        deepEqual(linesOf(folder), [1], "Half a word stands in the log");
        throws(() => log.note(verdict(3)), /os error 28/);
        equal(await log.verdict(), undefined, "Half a verdict stands there");
        deepEqual(log.unwritten.map(({ sequence }) => sequence), [2, 3]);
        await Deno.remove(filler);
        log.flush();
        deepEqual(linesOf(folder), [1, 2, 3]);
        deepEqual([await log.verdict(), log.unwritten], [verdict(3), []]);
      } finally {
        await unmount(folder);
      }
    }),
});

Deno.test("event log: what the end of the machine has cut off or spoilt is mended", () =>
  withFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const line = (event: JobEvent) => `${JSON.stringify(event)}\n`;
    const told = { outputBytes: 0, rows: 0 };
    const torn: [string, string][] = [
      ["half a word", '{"type":"job_log","jo'],
      ["zeros in the place of words", `${"\0".repeat(500)}\n\0\0`],
    ];
    for (const [what, tail] of torn) {
      Deno.writeTextFileSync(path, line(word(1)) + line(word(2)) + tail);
      deepEqual(
        await new EventLog(folder).recover(),
        { sequence: 2, told, verdict: undefined },
        what,
      );
      deepEqual(linesOf(folder), [1, 2]);
    }
    // The verdict reached the disk, and two words before it did not.
    Deno.writeTextFileSync(join(folder, "verdict.json"), line(verdict(5)));
    equal((await new EventLog(folder).recover()).sequence, 3);
    deepEqual(linesOf(folder), [1, 2, 3]);
    deepEqual(await new EventLog(folder).verdict(), verdict(3));
    // A version that wrote it in place, on a full disk.
    Deno.writeTextFileSync(join(folder, "verdict.json"), "");
    await rejects(new EventLog(folder).verdict(), /as a worker writes it/);
    deepEqual((await new EventLog(folder).recover()).verdict, verdict(3));
    deepEqual(await new EventLog(folder).verdict(), verdict(3));
    Deno.writeTextFileSync(path, "weights\n");
    await rejects(new EventLog(folder).recover(), /Expected events in .*, got something else/);
  }));
