/** What an installation remembers of its jobs, and the list that it makes of them. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { isJobId, isPeerId, isRoomId } from "../../lib/base/id.ts";
import type { LogLevel } from "../../lib/base/log.ts";
import { placesToAsk } from "../../lib/client/job_attendance.ts";
import { JobDiary } from "../../lib/client/job_diary.ts";
import { listJobs } from "../../lib/client/job_list.ts";
import { type JobRecord, JobRecords } from "../../lib/client/job_records.ts";
import { NOTHING_HEARD, TrainingRecord } from "../../lib/client/training_record.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { list } from "./waiting_room.ts";
import { withFolder } from "../runtime/condition.ts";

function named<Name extends string>(text: string, form: (text: string) => text is Name): Name {
  if (!form(text)) throw new Error(`Expected a well-formed name, got ${text}`);
  return text;
}

const ROOM = named("room12345", isRoomId);
const ADA = named("laptop-x-adaadaadaa", isPeerId);
const BOB = named("laptop-y-bobbobbobb", isPeerId);
const ONE = named("job-one11111", isJobId);
const TWO = named("job-two22222", isJobId);

function record(changes: Partial<JobRecord> = {}): JobRecord {
  return {
    version: 1,
    job_id: ONE,
    room_id: ROOM,
    worker: named("gpu-a-aaaaaaaaaa", isPeerId),
    run_name: "fly",
    output_folder: "/results",
    started_at_ms: 1_000,
    standing: "running",
    heard: { ...NOTHING_HEARD, sequence: 4, epochs: 2 },
    ...changes,
  };
}

function worker(name: string, changes: Partial<WorkerView> = {}): WorkerView {
  return {
    peer_id: named(name, isPeerId),
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: { tags: [], properties: {} },
    is_admin: false,
    alive: true,
    last_heard_ms: 3,
    ...changes,
  };
}

Deno.test("job records: what is saved is found by any later command, the youngest first", () =>
  withFolder(async (folder) => {
    const records = new JobRecords(join(folder, "jobs"));
    equal(await records.find(ONE), undefined);
    deepEqual(await records.list(), []);
    records.save(record());
    records.save(record({ job_id: TWO, started_at_ms: 2_000 }));
    records.save(record({ standing: "done" }));
    await Deno.writeTextFile(join(folder, "jobs", "notes.txt"), "mine");
    const later = new JobRecords(join(folder, "jobs"));
    deepEqual(await later.find(ONE), record({ standing: "done" }));
    deepEqual((await later.list()).map(({ job_id }) => job_id), [TWO, ONE]);
  }));

Deno.test("job records: a file that is none is named, and not taken for a job", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, `${ONE}.json`), `{"version":2}`);
    await rejects(new JobRecords(folder).find(ONE), /Expected a job's record in .*job-one11111/);
  }));

Deno.test("job records: of very many the oldest go", () =>
  withFolder(async (folder) => {
    const records = new JobRecords(folder);
    for (let place = 0; place < 203; place++) {
      const job_id = named(`job-${String(place).padStart(8, "0")}`, isJobId);
      records.save(record({ job_id, started_at_ms: place }));
    }
    const kept = await records.list();
    deepEqual([kept.length, kept.at(-1)?.started_at_ms], [200, 3]);
    equal([...Deno.readDirSync(folder)].length, 200);
  }));

const log = (lines: string[]) => ({
  write: (_level: LogLevel, message: string) => void lines.push(message),
});

Deno.test("job diary: it is written at most once a second, and at the end", () =>
  withFolder(async (folder) => {
    const records = new JobRecords(folder);
    const training = new TrainingRecord();
    const diary = new JobDiary(records, training, { record: record(), log: log([]) });
    diary.heard(0);
    diary.close();
    equal(await records.find(ONE), undefined, "A job that has not said a word is none");
    const stamp = { job_id: ONE, attempt: 1 };
    const heardAt = async (sequence: number, now: number) => {
      training.take({ type: "job_log", ...stamp, sequence, stream: "stdout", text: "on" });
      diary.heard(now);
      return (await records.find(ONE))?.heard.sequence;
    };
    deepEqual(await heardAt(1, 1_000), 1);
    deepEqual(await heardAt(2, 1_500), 1);
    deepEqual(await heardAt(3, 2_000), 3);
    training.take({ type: "job_cancelled", ...stamp, sequence: 4, duration_ms: 1 });
    diary.close();
    const last = await records.find(ONE);
    deepEqual([last?.heard.sequence, last?.standing], [4, "cancelled"]);
  }));

Deno.test("job diary: what cannot be written is told once, and ends nothing", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "jobs"), "in the way");
    const lines: string[] = [];
    const training = new TrainingRecord({ ...NOTHING_HEARD, sequence: 1 });
    const records = new JobRecords(join(folder, "jobs"));
    const diary = new JobDiary(records, training, { record: record(), log: log(lines) });
    for (const now of [0, 5_000, 10_000]) diary.heard(now);
    diary.close();
    equal(lines.length, 1);
  }));

Deno.test("job list: held jobs first, then ours that are over; strangers' are told as such", () => {
  const busy = (job_id: typeof ONE, client_id: typeof ADA) => ({
    status: "busy" as const,
    current_job: { job_id, client_id },
  });
  const other = named("job-other111", isJobId);
  const lost = named("job-lost1111", isJobId);
  const jobs = listJobs({
    list: list([
      worker("gpu-a-aaaaaaaaaa", busy(ONE, named("laptop-z-adaadaadaa", isPeerId))),
      worker("gpu-b-bbbbbbbbbb", { ...busy(other, BOB), status: "reserved" }),
      worker("gpu-c-cccccccccc", { ...busy(lost, ADA), alive: false }),
      worker("gpu-d-dddddddddd"),
    ], []),
    records: [
      record(),
      record({ job_id: TWO, standing: "failed" }),
      record({ job_id: lost }),
      record({ job_id: named("job-away1111", isJobId), room_id: named("room99999", isRoomId) }),
    ],
    roomId: ROOM,
    self: ADA,
  });
  deepEqual(jobs.map(({ jobId, standing, isOurs, epochs }) => [jobId, standing, isOurs, epochs]), [
    [ONE, "running", true, 2],
    [other, "reserved", false, undefined],
    [TWO, "failed", true, 2],
    [lost, "ended", true, 2],
  ]);
});

Deno.test("a job is looked for first where it runs, and not among the dead", () => {
  const places = placesToAsk([
    worker("gpu-a-aaaaaaaaaa"),
    worker("gpu-b-bbbbbbbbbb", { alive: false }),
    worker("gpu-c-cccccccccc", { status: "left" }),
    worker("gpu-d-dddddddddd", {
      status: "busy",
      current_job: { job_id: ONE, client_id: ADA },
    }),
  ], ONE);
  deepEqual(places, ["gpu-d-dddddddddd", "gpu-a-aaaaaaaaaa"]);
});
