/**
 * What happens in a watched room as lines: for a person, or as JSON for a program. Knows how it looks;
 * printing is `watch_screen.ts`.
 */

import { formatDuration } from "../base/time.ts";
import type { RoomChange } from "../client/room_change.ts";
import type { WatchEvent } from "../client/room_watch.ts";
import type { WorkerView } from "../protocol/worker.ts";
import { cleanText } from "./terminal_text.ts";

/** What is told: a change of the room, or of the way it is watched. */
export type WatchNews = RoomChange | Exclude<WatchEvent, { readonly type: "changed" }>;

/** When it is told, and how old the knowledge is then. */
export interface ToldAt {
  /** Milliseconds since 1970. */
  readonly wallMs: number;
  readonly stale: boolean;
  readonly staleMs: number;
}

/** One line for a person: `12:03:04 gpu-a-aaaaaaaaaa available → busy (job-…)`. */
export function plainNews(news: WatchNews, { wallMs, stale, staleMs }: ToldAt): string {
  const age = stale && news.type.startsWith("worker_")
    ? ` [stale for ${formatDuration(staleMs)}]`
    : "";
  return `${timeOfDay(wallMs)} ${cleanText(textOf(news))}${age}`;
}

/** One object for a program. */
export function jsonNews(news: WatchNews, { wallMs, stale, staleMs }: ToldAt): object {
  return {
    event: news.type,
    time: new Date(wallMs).toISOString(),
    via: "replica",
    stale,
    stale_ms: staleMs,
    ...factsOf(news),
  };
}

function textOf(news: WatchNews): string {
  switch (news.type) {
    case "worker_came":
      return `${news.worker.peer_id} ${stateOf(news.worker)}`;
    case "worker_left":
      return `${news.worker.peer_id} left`;
    case "worker_changed":
      return `${news.worker.peer_id} ${differenceOf(news.before, news.worker)}`;
    case "admin_changed":
      return news.admin === null ? "no admin" : `admin is ${news.admin} (epoch ${news.epoch})`;
    case "staleness_changed":
      return news.stale
        ? `stale: no news of the room for ${formatDuration(news.staleMs)}`
        : "up to date again";
    case "watching":
      return `watching ${news.worker} (${news.rtc} link, ${news.tookMs.toFixed(0)} ms)`;
    case "lost":
      return `lost ${news.worker}, looking for another worker: ${news.reason}`;
    case "waiting":
      return `trying again: ${news.reason}`;
  }
  return news satisfies never;
}

function factsOf(news: WatchNews): object {
  switch (news.type) {
    case "worker_came":
    case "worker_left":
      return { worker: news.worker };
    case "worker_changed": {
      const { status, current_job, alive } = news.before;
      return { worker: news.worker, before: { status, current_job, alive } };
    }
    case "admin_changed":
      return { admin_peer_id: news.admin, before_peer_id: news.before, epoch: news.epoch };
    case "staleness_changed":
      return {};
    case "watching":
      return { peer_id: news.worker, rtc: news.rtc, took_ms: news.tookMs };
    case "lost":
      return { peer_id: news.worker, reason: news.reason };
    case "waiting":
      return { reason: news.reason };
  }
  return news satisfies never;
}

function stateOf({ status, current_job, alive }: WorkerView): string {
  const job = current_job === null ? "" : ` (${current_job.job_id})`;
  return `${status}${job}${alive ? "" : ", silent"}`;
}

function differenceOf(before: WorkerView, after: WorkerView): string {
  const differences: string[] = [];
  const job = after.current_job === null ? "" : ` (${after.current_job.job_id})`;
  if (before.status !== after.status) {
    differences.push(`${before.status} → ${after.status}${job}`);
  } else if (before.current_job?.job_id !== after.current_job?.job_id) {
    differences.push(`${after.status}${job}`);
  }
  if (before.alive !== after.alive) {
    differences.push(after.alive ? "is heard again" : "gives no sign of life");
  }
  if (before.incarnation !== after.incarnation) differences.push("has begun a new life");
  else if (differences.length === 0) differences.push("says something else of itself");
  return differences.join(", ");
}

/** The local time as `12:03:04`. */
function timeOfDay(wallMs: number): string {
  const date = new Date(wallMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0")).join(":");
}
