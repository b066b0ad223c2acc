/** Lists workers for those who ask. Knows nothing of who asks or by which way. */

import type { PeerId } from "../base/id.ts";
import { utf8Length } from "../base/utf8.ts";
import { type Listed, matches } from "../protocol/match.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import { type Waiting, WAITING_LISTED_MAX } from "../protocol/queue_message.ts";
import { gpuMemoryMb, type WorkerEntry, type WorkerView } from "../protocol/worker.ts";
import { type Candidate, compareCandidates } from "./election.ts";

/** What one worker holds of another's life. */
export type Life = Pick<WorkerView, "alive" | "last_heard_ms">;

/** What one worker knows of its room besides the room state. */
export interface Outlook
  extends Omit<WorkerList, "workers" | "left_out" | "total_count" | "waiting"> {
  /** Who is not in it is forgotten: its entry stays in the room state, and nobody is told of it. */
  readonly lives: ReadonlyMap<PeerId, Life>;
}

/** The workers that `filters` ask for, best first: GPU memory descending, then peer id. */
export function listWorkers<T extends Listed>(workers: Iterable<T>, filters: Filters): T[] {
  return [...workers]
    .filter((worker) => matches(worker, filters))
    .toSorted((one, other) => compareCandidates(candidateOf(one), candidateOf(other)));
}

/** The answer to a query, from a room state's entries and what is known besides. */
export function listRoom(
  entries: Iterable<WorkerEntry>,
  { lives, ...outlook }: Outlook,
  filters: Filters,
  waiting: readonly Waiting[] = [],
): WorkerList {
  const views = [...entries].flatMap((entry): WorkerView[] => {
    const life = lives.get(entry.peer_id);
    if (life === undefined || entry.status === "left") return [];
    return [{ ...entry, ...life, is_admin: entry.peer_id === outlook.admin_peer_id }];
  });
  const list = { ...outlook, workers: listWorkers(views, filters), total_count: views.length };
  if (waiting.length === 0) return list;
  return { ...list, waiting: waiting.slice(0, WAITING_LISTED_MAX) };
}

/** `list` with as many of its workers, the best, as `bytesMax` of JSON hold; it says how many they do not. */
export function fitInto(bytesMax: number, list: WorkerList): WorkerList {
  let room = bytesMax - jsonBytes({ ...list, workers: [], left_out: list.workers.length });
  const fitting: WorkerView[] = [];
  for (const worker of list.workers) {
    room -= jsonBytes(worker) + 1;
    if (room < 0) break;
    fitting.push(worker);
  }
  const left_out = list.workers.length - fitting.length;
  return left_out === 0 ? list : { ...list, workers: fitting, left_out };
}

function jsonBytes(value: object): number {
  return utf8Length(JSON.stringify(value));
}

function candidateOf(worker: Listed): Candidate {
  return { peerId: worker.peer_id, gpuMemoryMb: gpuMemoryMb(worker.metadata) };
}
