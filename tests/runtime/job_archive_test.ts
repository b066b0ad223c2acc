import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { isJobId, isPeerId, type JobId } from "../../lib/base/id.ts";
import { DAY_MS } from "../../lib/base/time.ts";
import { SILENT_LOG } from "../../lib/base/log.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { sha256Schema } from "../../lib/protocol/name.ts";
import { JobArchive } from "../../lib/runtime/job_archive.ts";
import { JobFolder } from "../../lib/runtime/job_folder.ts";
import { findLeftJobs } from "../../lib/runtime/job_survivors.ts";
import { withFolder } from "./condition.ts";

const NOW_MS = 1_900_000_000_000;
const INPUTS: Manifest = { files: [] };
const SPEC = { kind: "train", runner: "demo", package: "a.pkg.slp", run_name: "a" } as const;

function jobOf(text: string): JobId {
  if (!isJobId(text)) throw new Error(`Expected a job id, got ${text}`);
  return text;
}

function peerOf(text: string) {
  if (!isPeerId(text)) throw new Error(`Expected a peer id, got ${text}`);
  return text;
}

const ADA = peerOf("laptop-adaadaadaa");
const BOB = peerOf("laptop-bobbobbobb");

async function age(path: string, ageMs: number): Promise<void> {
  await Deno.utime(path, new Date(NOW_MS - ageMs), new Date(NOW_MS - ageMs));
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
}

Deno.test("job folder: a job id that is taken is refused, and the job that has it is left alone", () =>
  withFolder(async (folder) => {
    const job = jobOf("job-aaaaaaaa");
    const first = new JobFolder(folder, job);
    await first.create(SPEC, ADA, INPUTS);
    await Deno.writeTextFile(join(first.output, "model.json"), "mine");
    const other = { ...SPEC, run_name: "b" };
    await rejects(new JobFolder(folder, job).create(other, BOB, INPUTS), /got one that is taken/);
    // That of its own client, too, once it has run.
    first.events.note({
      type: "job_accepted",
      job_id: job,
      attempt: 1,
      sequence: 1,
      epochs_max: null,
    });
    await rejects(new JobFolder(folder, job).create(other, ADA, INPUTS), /got one that is taken/);
    equal(await Deno.readTextFile(join(first.output, "model.json")), "mine");
  }));

Deno.test("job folder: a client's job that never ran can be sent again, with what has arrived", () =>
  withFolder(async (folder) => {
    const first = new JobFolder(folder, jobOf("job-aaaaaaaa"));
    await first.create(SPEC, ADA, INPUTS);
    await Deno.writeTextFile(join(first.inputs, "half.slp"), "half");
    await new JobFolder(folder, jobOf("job-aaaaaaaa")).create(SPEC, ADA, INPUTS);
    equal(await Deno.readTextFile(join(first.inputs, "half.slp")), "half");
  }));

Deno.test("job archive: a job is for those of the key that asked for it, also in a worker's next life", () =>
  withFolder(async (folder) => {
    const job = jobOf("job-aaaaaaaa");
    await new JobFolder(folder, job).create(SPEC, peerOf("laptop-x-adaadaadaa"), INPUTS);
    const archive = new JobArchive(folder, join(folder, "parts"));
    const found = await archive.find(job, peerOf("laptop-y-adaadaadaa"));
    equal(found?.path, join(folder, job));
    equal(await archive.find(job, peerOf("laptop-x-bobbobbobb")), undefined);
    equal(await archive.find(jobOf("job-bbbbbbbb"), peerOf("laptop-x-adaadaadaa")), undefined);
  }));

Deno.test("job folder: the last word is kept by itself, even where the trainer spoils the log", () =>
  withFolder(async (folder) => {
    const job = new JobFolder(folder, jobOf("job-aaaaaaaa"));
    await job.create(SPEC, ADA, INPUTS);
    const stamp = { job_id: jobOf("job-aaaaaaaa"), attempt: 1 };
    job.events.note({ type: "job_accepted", ...stamp, sequence: 1, epochs_max: null });
    equal(await job.events.verdict(), undefined);
    await Deno.remove(join(job.path, "events.jsonl"));
    await Deno.mkdir(join(job.path, "events.jsonl"));
    const verdict = { type: "job_cancelled", ...stamp, sequence: 2, duration_ms: 5 } as const;
    throws(() => job.events.note(verdict));
    deepEqual(await job.events.verdict(), verdict);
  }));

Deno.test("job archive: jobs go by the age of their last word, not by that of their folder", () =>
  withFolder(async (folder) => {
    const jobs = join(folder, "jobs");
    const archive = new JobArchive(jobs, join(folder, "parts"));
    const ages: [string, number, number | undefined][] = [
      ["job-fresh111", 0, 0],
      // A training of ten days that ended just now: its folder has not changed since its start.
      ["job-long1111", 10 * DAY_MS, 0],
      ["job-old11111", 10 * DAY_MS, 8 * DAY_MS],
      ["job-never111", 8 * DAY_MS, undefined],
    ];
    for (const [name, folderMs, eventsMs] of ages) {
      const job = new JobFolder(jobs, jobOf(name));
      await job.create(SPEC, ADA, INPUTS);
      if (eventsMs !== undefined) {
        await Deno.writeTextFile(join(job.path, "events.jsonl"), "");
        await age(join(job.path, "events.jsonl"), eventsMs);
      }
      await age(job.path, folderMs);
    }
    await archive.sweep(NOW_MS);
    deepEqual(await names(jobs), ["job-fresh111", "job-long1111"]);
  }));

Deno.test("job archive: of many jobs the newest fifty are kept", () =>
  withFolder(async (folder) => {
    for (let place = 0; place < 53; place++) {
      const path = join(folder, `job-${String(place).padStart(8, "0")}`);
      await Deno.mkdir(path);
      await age(path, place * 1_000);
    }
    await new JobArchive(folder, join(folder, "parts")).sweep(NOW_MS);
    const left = await names(folder);
    deepEqual([left.length, left.at(0), left.at(-1)], [50, "job-00000000", "job-00000049"]);
  }));

Deno.test("job archive: parts wait a day for their transfer", () =>
  withFolder(async (folder) => {
    for (const [name, ageMs] of [["new.0", 0], ["old.0", 2 * DAY_MS]] as const) {
      await Deno.writeTextFile(join(folder, name), "");
      await age(join(folder, name), ageMs);
    }
    await new JobArchive(join(folder, "none"), folder).sweep(NOW_MS);
    deepEqual(await names(folder), ["new.0"]);
  }));

Deno.test("job archive: whole files of a job that never ran outlive the worker's death in its upload", () =>
  withFolder(async (folder) => {
    const [jobs, parts] = [join(folder, "jobs"), join(folder, "parts")];
    const archive = new JobArchive(jobs, parts);
    const [whole, half] = [sha256Schema.parse("0".repeat(64)), sha256Schema.parse("1".repeat(64))];
    const inputs: Manifest = {
      files: [
        { path: "a/whole.mp4", bytes: 5, sha256: whole },
        { path: "a/half.mp4", bytes: 5, sha256: half },
      ],
    };
    const job = new JobFolder(jobs, jobOf("job-aaaaaaaa"));
    await job.create(SPEC, ADA, inputs);
    await Deno.mkdir(join(job.inputs, "a"));
    await Deno.writeTextFile(join(job.inputs, "a", "whole.mp4"), "12345");
    await Deno.writeTextFile(join(job.inputs, "a", "half.mp4"), "123");
    deepEqual(await findLeftJobs(archive, SILENT_LOG), { survivors: [], unreadable: [] });
    deepEqual(await names(jobs), []);
    deepEqual(await names(parts), [`${whole}.whole`]);
  }));
