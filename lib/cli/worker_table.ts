/** The workers of a room as a table with a footer. Knows how they look, not how they were found. */

import { formatDuration } from "../base/time.ts";
import type { WorkerList } from "../protocol/query.ts";
import { gpuMemoryMb, type WorkerView } from "../protocol/worker.ts";
import { count, formatMemory } from "./amount.ts";
import { type Column, tableLines } from "./table.ts";
import { cleanText, paint, wrapText } from "./terminal_text.ts";

/** Who answered a query, and how long it took. */
export type Answered =
  | { readonly via: "admin" | "server"; readonly tookMs: number }
  /** One worker by itself, or the replica of what it knows. */
  | { readonly via: "worker" | "replica"; readonly worker: string; readonly tookMs: number };

/** The screen that lines are made for. */
export interface Screen {
  readonly columns: number;
  readonly isColored: boolean;
}

const COLUMNS: readonly Column<WorkerView>[] = [
  { head: "WORKER", droppedAt: 0, cell: (view) => `${view.peer_id}${view.is_admin ? " *" : ""}` },
  { head: "STATUS", droppedAt: 0, cell: statusOf },
  {
    head: "GPU MEMORY",
    droppedAt: 1,
    align: "right",
    cell: (view) => formatMemory(gpuMemoryMb(view.metadata)),
  },
  { head: "MODEL", droppedAt: 3, cell: (view) => property(view, "gpu_model") },
  { head: "JOB", droppedAt: 2, cell: (view) => view.current_job?.job_id ?? "-" },
  {
    head: "HEARD",
    droppedAt: 4,
    cell: (view) => view.last_heard_ms === null ? "-" : `${formatDuration(view.last_heard_ms)} ago`,
  },
];

/** The table and its footer. Without workers, the footer alone. */
export function workerLines(list: WorkerList, answered: Answered, screen: Screen): string[] {
  const footer = footerOf(list, answered)
    .flatMap((line) => wrapText(line, screen.columns))
    .map((line) => paint(line, "dim", screen.isColored));
  if (list.workers.length === 0) return footer;
  return [...tableLines(list.workers, COLUMNS, screen), "", ...footer];
}

function footerOf(list: WorkerList, answered: Answered): string[] {
  const { workers } = list;
  const available = workers.filter(({ status, alive }) => status === "available" && alive).length;
  const shown = workers.length === list.total_count
    ? count(workers.length, "worker")
    : `${workers.length} of ${count(list.total_count, "worker")}`;
  const admin = list.admin_peer_id === null ? "no admin" : `admin ${cleanText(list.admin_peer_id)}`;
  const answer = `answered by ${answererOf(answered)} in ${answered.tookMs.toFixed(1)} ms`;
  const footer = [`${shown}, ${available} available, ${admin}, ${answer}`];
  if (workers.some((view) => view.is_admin)) footer.push("* admin");
  if (list.stale) {
    const age = formatDuration(list.stale_ms);
    footer.push(
      answered.via === "server"
        ? `Stale: the workers have had no admin at the server for ${age}`
        : `Stale: who answered has been cut off from the others for ${age}`,
    );
  }
  return footer;
}

function answererOf(answered: Answered): string {
  switch (answered.via) {
    case "admin":
    case "server":
      return answered.via;
    case "worker":
      return cleanText(answered.worker);
    case "replica":
      return `own replica of ${cleanText(answered.worker)}`;
  }
  return answered satisfies never;
}

/** What a worker is doing, and what is wrong with it. */
export function statusOf(view: WorkerView): string {
  if (!view.alive && view.status !== "left") return `${view.status} (silent)`;
  const { properties } = view.metadata;
  if (typeof properties["gpu_fault"] === "string") return `${view.status} (GPU failed)`;
  return properties["gpu_in_use_by_others"] === true
    ? `${view.status} (in use by others)`
    : view.status;
}

function property(view: WorkerView, name: string): string {
  const value = view.metadata.properties[name];
  return value === undefined || value === null ? "-" : String(value);
}
