/** The command `why`: says why a job waits, worker by worker, or where it is. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import { Failure } from "../base/failure.ts";
import type { JobId } from "../base/id.ts";
import type { JobRecord } from "../client/job_records.ts";
import { holderOf, type QueueOutlook, queueOutlook, waitingJob } from "../client/queue_outlook.ts";
import type { WorkerList } from "../protocol/query.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { jobArgument, jobOf } from "./job_option.ts";
import { withJobs } from "./job_session.ts";
import { logOptions } from "./log_option.ts";
import { obstacleText, placeText, waitingFacts } from "./queue_text.ts";
import { roomOptions } from "./room_option.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

const parser = merge(
  object("Job", {
    job: jobArgument,
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc why`. */
export const whyCommand = defineCommand({
  name: "why",
  purpose: "Say why a job waits, or where it is",
  examples: ["sleap-rtc why job-abcdefghijkl", "sleap-rtc why job-abcdefghijkl --json"],
  exits: ["serverUnreachable", "refused", "noWorker", "protocol", "terminated"],
  parser,
  async run(given, io) {
    const jobId = jobOf(given.job);
    return await withJobs({ ...given, rtc: undefined }, io, async (options) => {
      const { discoverWorkers } = await import("../client/discovery.ts");
      const { room, records } = options;
      const { list } = await discoverWorkers(room, {}, options);
      const answer = whyAnswer(list, jobId, await records.find(jobId));
      if (given.json) io.out(jsonText(whyFacts(jobId, answer)));
      else for (const line of whyLines(jobId, answer)) io.out(line);
      return EXIT.ok;
    });
  },
});

/** Where a job is, and why. */
export type WhyAnswer =
  | { readonly type: "waiting"; readonly isPresent: boolean; readonly outlook: QueueOutlook }
  | { readonly type: "reserved" | "running"; readonly worker: string }
  | { readonly type: "remembered"; readonly worker: string; readonly standing: string };

/**
 * Where `jobId` is, by what the room and this installation know.
 *
 * @throws {Failure} Where nobody knows it.
 */
export function whyAnswer(
  list: WorkerList,
  jobId: JobId,
  record: JobRecord | undefined,
): WhyAnswer {
  const request = waitingJob(list, jobId);
  if (request !== undefined) {
    const outlook = queueOutlook(list, jobId, request.needs);
    return { type: "waiting", isPresent: request.is_present, outlook };
  }
  const holder = holderOf(list, jobId);
  if (holder !== undefined) {
    const type = holder.status === "reserved" ? "reserved" : "running";
    return { type, worker: holder.peer_id };
  }
  if (record !== undefined) {
    const standing = record.standing === "running" ? "ended" : record.standing;
    return { type: "remembered", worker: record.worker, standing };
  }
  throw new Failure(
    "no_worker",
    `Expected a job that waits or runs in the room, got ${jobId}; \`sleap-rtc jobs\` lists them`,
  );
}

/** The answer for a person. */
export function whyLines(jobId: JobId, answer: WhyAnswer): readonly string[] {
  switch (answer.type) {
    case "running":
      return [`${jobId} runs on ${cleanText(answer.worker)}`];
    case "reserved":
      return [`${jobId} has the slot of ${cleanText(answer.worker)}: its package is on its way`];
    case "remembered":
      return [`${jobId} is over (${answer.standing}); ${cleanText(answer.worker)} had it`];
    case "waiting":
      break;
    default:
      answer satisfies never;
  }
  const { isPresent, outlook } = answer;
  const { isCutOff, obstacles, turnAt } = outlook;
  if (turnAt !== undefined) {
    return [`It is the turn of ${jobId} at ${cleanText(turnAt)}, which waits for its client`];
  }
  const lines = [`${jobId} waits: ${placeText(outlook)}`];
  if (!isPresent) {
    lines.push("  Its client is not there: it keeps its place for a week, and others go first");
  }
  if (isCutOff) {
    lines.push("  The workers that answer are cut off from the majority: nobody's turn comes");
  }
  if (obstacles.length === 0) lines.push("  The room has no worker now");
  for (const obstacle of obstacles) {
    const first = obstacle.kind === "free" && (outlook.position ?? 2) > 1
      ? ": those before it that fit go first"
      : "";
    lines.push(`  ${obstacleText(obstacle)}${first}`);
  }
  return lines;
}

/** The answer for a program. */
export function whyFacts(jobId: JobId, answer: WhyAnswer): Readonly<Record<string, unknown>> {
  const fact = { job_id: jobId, standing: answer.type };
  switch (answer.type) {
    case "waiting":
      return { ...fact, present: answer.isPresent, ...waitingFacts(answer.outlook) };
    case "reserved":
    case "running":
      return { ...fact, worker: answer.worker };
    case "remembered":
      return { ...fact, standing: answer.standing, worker: answer.worker };
    default:
      return answer satisfies never;
  }
}
