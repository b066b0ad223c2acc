/**
 * A room as lines that fill a screen and no more: its state, workers, queue and links. Knows how it looks;
 * drawing is `top_screen.ts`.
 */

import { formatDuration } from "../base/time.ts";
import type { LinkPace } from "../client/link_pace.ts";
import type { Waiting } from "../protocol/queue_message.ts";
import { gpuMemoryMb, type WorkerView } from "../protocol/worker.ts";
import { count, formatBytes, formatLoss, formatMemory } from "./amount.ts";
import { type Column, tableLines } from "./table.ts";
import { cleanText, fitText, paint } from "./terminal_text.ts";
import type { JobProgress, TopView } from "./top_view.ts";
import { statusOf } from "./worker_table.ts";

/** The screen that lines are made for. */
export interface TopSize {
  readonly columns: number;
  /** Lines there may be; `Infinity` where a page may be as long as it likes. */
  readonly rows: number;
  readonly isColored: boolean;
}

/** A part of the page: a head, and rows of which the last ones may be left out. */
interface Section {
  readonly head: string;
  readonly rows: readonly string[];
}

/** The blank line before a section, its head and one row: with less it is not shown. */
const SECTION_ROWS_MIN = 3;

/** Everything that is known, in at most `rows` lines of at most `columns` characters. */
export function topLines(view: TopView, { columns, rows, isColored }: TopSize): string[] {
  const fit = (text: string) => fitText(cleanText(text), columns);
  const lines = stateLines(view).map((text, index) =>
    paint(fit(text), index === 0 ? "bold" : "yellow", isColored)
  );
  const sections = sectionsOf(view, columns);
  let left = rows - lines.length;
  sections.forEach((section, index) => {
    const later = sections.length - index - 1;
    // A long section must not push out the ones below it, but for their rows beyond the first.
    const mine = Math.max(SECTION_ROWS_MIN, left - later * SECTION_ROWS_MIN);
    const shown = Math.min(mine, left) < SECTION_ROWS_MIN
      ? []
      : cut(section, Math.min(mine, left) - 2);
    if (shown.length === 0) return;
    lines.push("", paint(fit(section.head), "bold", isColored), ...shown.map(fit));
    left -= shown.length + 2;
  });
  return lines.slice(0, rows);
}

/** The section's rows in at most `max` lines, with a note in place of those that are left out. */
function cut({ rows }: Section, max: number): readonly string[] {
  if (rows.length <= max) return rows;
  return [...rows.slice(0, max - 1), `… ${rows.length - max + 1} more`];
}

/** How the room is, and on further lines what is wrong with it. */
function stateLines({ list, watched, trouble }: TopView): string[] {
  if (watched === undefined) return [`Looking for a worker${reasonText(trouble)}`];
  const { workers, waiting = [], admin_peer_id: admin, stale, stale_ms: staleMs } = list;
  const available = workers.filter(({ alive, status }) => alive && status === "available").length;
  const state = [
    count(workers.length, "worker"),
    `${available} available`,
    `${waiting.length} waiting`,
    admin === null ? "no admin" : `admin ${admin}`,
    `seen by ${watched}`,
  ];
  const isWatching = trouble === undefined;
  return [
    state.join(", "),
    ...(isWatching ? [] : [`Looking for another worker${reasonText(trouble)}`]),
    ...(stale
      ? [
        isWatching
          ? `Stale for ${formatDuration(staleMs)}: ${watched} is cut off from the others, or silent`
          : `Stale for ${formatDuration(staleMs)}`,
      ]
      : []),
  ];
}

function reasonText(trouble: string | undefined): string {
  return trouble === undefined ? "" : `: ${trouble}`;
}

function sectionsOf(view: TopView, columns: number): readonly Section[] {
  const { list, links, watched } = view;
  if (watched === undefined) return [];
  const plain = { columns, isColored: false };
  const section = <Row>(rows: readonly Row[], spec: readonly Column<Row>[]): Section[] => {
    if (rows.length === 0) return [];
    const [head = "", ...body] = tableLines(rows, spec, plain);
    return [{ head, rows: body }];
  };
  return [
    ...section(list.workers, workerColumns(view)),
    ...section(queueRows(list.waiting ?? []), QUEUE_COLUMNS),
    ...section(links, LINK_COLUMNS),
  ];
}

function workerColumns({ progress }: TopView): readonly Column<WorkerView>[] {
  const jobOf = ({ current_job: job }: WorkerView): JobProgress | undefined =>
    job === null ? undefined : progress.get(job.job_id);
  return [
    { head: "WORKER", droppedAt: 0, cell: (one) => `${one.peer_id}${one.is_admin ? " *" : ""}` },
    { head: "STATUS", droppedAt: 0, cell: statusOf },
    { head: "MEMORY", droppedAt: 2, align: "right", cell: memoryText },
    { head: "GPU", droppedAt: 6, cell: modelText },
    { head: "JOB", droppedAt: 1, cell: ({ current_job: job }) => job?.job_id ?? "-" },
    { head: "OWNER", droppedAt: 5, cell: ({ current_job: job }) => job?.client_id ?? "-" },
    {
      head: "EPOCH",
      droppedAt: 3,
      align: "right",
      cell: (worker) => String(jobOf(worker)?.epochs ?? "-"),
    },
    {
      head: "LOSS",
      droppedAt: 4,
      align: "right",
      cell: (worker) => formatLoss(jobOf(worker)?.lastLoss),
    },
  ];
}

/** GPU memory as `3.1/24 GB`, in use first where the entry tells it. */
function memoryText({ metadata }: WorkerView): string {
  const total = gpuMemoryMb(metadata);
  const used = metadata.properties["gpu_memory_used_mb"];
  if (total <= 0 || typeof used !== "number" || used < 0) return formatMemory(total);
  const unitMb = total < 1_000 ? 1 : 1_000;
  return `${Number((used / unitMb).toFixed(1))}/${formatMemory(total)}`;
}

function modelText({ metadata }: WorkerView): string {
  const model = metadata.properties["gpu_model"];
  return typeof model === "string" && model !== "" ? model : "-";
}

type QueueRow = Waiting & { readonly place: string };

/** In the order of the queue; who is away keeps its place and has no number. */
function queueRows(waiting: readonly Waiting[]): readonly QueueRow[] {
  let position = 0;
  return waiting.map((one) => ({ ...one, place: one.is_present ? String(++position) : "away" }));
}

const QUEUE_COLUMNS: readonly Column<QueueRow>[] = [
  { head: "WAITING", droppedAt: 0, cell: ({ job_id }) => job_id },
  { head: "PLACE", droppedAt: 0, align: "right", cell: ({ place }) => place },
  { head: "NEEDS", droppedAt: 1, cell: needsText },
  { head: "OWNER", droppedAt: 2, cell: ({ client_id }) => client_id },
];

function needsText({ needs: { min_gpu_memory_mb: memoryMb, runner, worker } }: Waiting): string {
  return [
    runner,
    ...(memoryMb > 0 ? [`${formatMemory(memoryMb)} or more`] : []),
    ...(worker === null ? [] : [`on ${worker}`]),
  ].join(", ");
}

const LINK_COLUMNS: readonly Column<LinkPace>[] = [
  { head: "LINK TO", droppedAt: 0, cell: ({ to }) => to },
  { head: "PATH", droppedAt: 0, cell: ({ path }) => path },
  {
    head: "RTT",
    droppedAt: 0,
    align: "right",
    cell: ({ rttMs }) =>
      rttMs === undefined ? "-" : rttMs < 1 ? "< 1 ms" : `${Math.round(rttMs)} ms`,
  },
  { head: "SENT", droppedAt: 1, align: "right", cell: ({ sentPerS }) => rateText(sentPerS) },
  {
    head: "RECEIVED",
    droppedAt: 1,
    align: "right",
    cell: ({ receivedPerS }) => rateText(receivedPerS),
  },
  { head: "FROM", droppedAt: 2, cell: ({ from }) => from },
  { head: "RTC", droppedAt: 3, cell: ({ rtc }) => rtc },
];

function rateText(bytesPerS: number | undefined): string {
  return bytesPerS === undefined ? "-" : `${formatBytes(Math.round(bytesPerS))}/s`;
}
