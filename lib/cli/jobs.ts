/** The command `jobs`: lists the jobs of a room, as its workers and this installation know them. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import { formatDuration } from "../base/time.ts";
import type { ListedJob } from "../client/job_list.ts";
import { count } from "./amount.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { withJobs } from "./job_session.ts";
import { obstacleFacts, waitingText } from "./queue_text.ts";
import { logOptions } from "./log_option.ts";
import { roomOptions } from "./room_option.ts";
import { type Column, tableLines } from "./table.ts";
import { fitText, jsonText } from "./terminal_text.ts";

const parser = merge(
  object({
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc jobs`. */
export const jobsCommand = defineCommand({
  name: "jobs",
  purpose: "List the jobs of a room, and those that were sent from here",
  examples: ["sleap-rtc jobs", "sleap-rtc jobs --json"],
  exits: ["serverUnreachable", "refused", "protocol", "terminated"],
  parser,
  run: (given, io) =>
    withJobs({ ...given, rtc: undefined }, io, async (options) => {
      const { discoverWorkers } = await import("../client/discovery.ts");
      const { listJobs } = await import("../client/job_list.ts");
      const { room, identity, records } = options;
      const { list } = await discoverWorkers(room, {}, options);
      const jobs = listJobs({
        list,
        records: await records.list(),
        roomId: room.roomId,
        self: identity.peerIdOf("self"),
      });
      const now = Date.now();
      if (given.json) io.out(jsonText({ jobs: jobs.map((job) => jobFacts(job, now)) }));
      else for (const line of jobLines(jobs, now, io)) io.out(line);
      return EXIT.ok;
    }),
});

/** One job for a program; names are those of the protocol, ages in ms. */
function jobFacts(job: ListedJob, now: number): Readonly<Record<string, unknown>> {
  const { jobId, standing, worker, position, isOurs, runName, epochs, outlook } = job;
  return {
    job_id: jobId,
    standing,
    worker: worker ?? null,
    position: position ?? null,
    ours: isOurs,
    run_name: runName ?? null,
    since_ms: ageOf(job, now) ?? null,
    epochs: epochs ?? null,
    workers: (outlook?.obstacles ?? []).map(obstacleFacts),
  };
}

/** Of a run's name. Higher: one long name costs all jobs a column. */
const RUN_COLUMNS = 20;

/** The jobs as a table and its footer. */
export function jobLines(
  jobs: readonly ListedJob[],
  now: number,
  screen: { readonly columns: number; readonly isColored: boolean },
): string[] {
  if (jobs.length === 0) return ["No jobs"];
  const columns: readonly Column<ListedJob>[] = [
    { head: "JOB", droppedAt: 0, cell: ({ jobId }) => jobId },
    { head: "STATE", droppedAt: 0, cell: standingText },
    { head: "WORKER", droppedAt: 1, cell: ({ worker }) => worker ?? "-" },
    { head: "RUN", droppedAt: 2, cell: ({ runName }) => fitText(runName ?? "-", RUN_COLUMNS) },
    { head: "SINCE", droppedAt: 3, cell: (job) => formatAge(ageOf(job, now)) },
    { head: "EPOCHS", droppedAt: 4, align: "right", cell: ({ epochs }) => String(epochs ?? "-") },
    { head: "OURS", droppedAt: 5, cell: ({ isOurs }) => isOurs ? "yes" : "no" },
  ];
  // A reason is a sentence: it stands below the table, where it is not cut off.
  const reasons = jobs.flatMap(({ jobId, standing, outlook }) =>
    standing === "waiting" && outlook !== undefined
      ? [`${jobId} waits: ${waitingText(outlook, now)}`]
      : []
  );
  const footer = ["", count(jobs.length, "job")];
  return [
    ...tableLines(jobs, columns, screen),
    ...(reasons.length > 0 ? [""] : []),
    ...reasons,
    ...footer,
  ];
}

function standingText({ standing, position }: ListedJob): string {
  return position === undefined ? standing : `${standing} (${position})`;
}

function formatAge(ageMs: number | undefined): string {
  return ageMs === undefined ? "-" : `${formatDuration(ageMs)} ago`;
}

/** Milliseconds since the start; a clock that was put back makes none younger than now. */
function ageOf({ startedAtMs }: ListedJob, now: number): number | undefined {
  return startedAtMs === undefined ? undefined : Math.max(0, now - startedAtMs);
}
