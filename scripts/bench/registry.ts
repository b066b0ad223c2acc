/** What the room state costs: to change it, to take a change, to catch up, and to keep it. */

import { isRoomId, type PeerId, type RoomId } from "../../lib/base/id.ts";
import { RoomState } from "../../lib/mesh/room_state.ts";
import type { WorkerEntry } from "../../lib/protocol/worker.ts";
import { loadAutomerge } from "../../lib/runtime/automerge_module.ts";
import { type PeerIdentity, temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { nodeSigner } from "../../lib/runtime/node_signer.ts";
import { MESH_OPTIONS, meshOptions } from "../lab/mesh_lab.ts";
import type { Bench } from "./bench.ts";
import { median, p99, rounded } from "./statistics.ts";

const CHANGES_PER_WORKER = 50;

/** The workers of a room change their status in turn; each change is signed, checked and taken as in production. */
export const bench: Bench = {
  summary: "Cost of the room state: change, apply, join, size",
  rounds: 10,
  options: {
    ...MESH_OPTIONS,
    rtc: { value: "BACKEND", summary: "As for the other mesh benches; there are no links here" },
  },
  async *run({ rounds, options }) {
    const { count: workers } = meshOptions(options);
    // Those, and each worker's first entry.
    const changes = workers * (CHANGES_PER_WORKER + 1);
    await loadAutomerge();
    const all: Cost[] = [];
    for (let round = 1; round <= rounds; round++) {
      const cost = measure(workers);
      all.push(cost);
      yield {
        round,
        workers,
        change_us: rounded(median(cost.changesUs)),
        apply_us: rounded(median(cost.appliesUs)),
        join_ms: cost.joinMs,
      };
    }
    const changesUs = all.flatMap((cost) => cost.changesUs);
    const appliesUs = all.flatMap((cost) => cost.appliesUs);
    const joinsMs = all.map((cost) => cost.joinMs);
    const documentBytes = median(all.map((cost) => cost.documentBytes));
    yield {
      workers,
      change_us: rounded(median(changesUs)),
      change_p99_us: rounded(p99(changesUs)),
      apply_us: rounded(median(appliesUs)),
      apply_p99_us: rounded(p99(appliesUs)),
      join_ms: rounded(median(joinsMs)),
      join_p99_ms: rounded(p99(joinsMs)),
      document_bytes: documentBytes,
      messages: Math.round(median(all.map((cost) => cost.messages))),
      bytes: Math.round(median(all.map((cost) => cost.bytes))),
      bytes_per_change: Math.round(documentBytes / changes),
      changes,
      rounds,
    };
  },
};

/** What one round cost. */
interface Cost {
  /** Each change by its author, and each taken by one of the others, in microseconds. */
  readonly changesUs: readonly number[];
  readonly appliesUs: readonly number[];
  readonly joinMs: number;
  readonly documentBytes: number;
  /** Changes as they travel: one message to each of the others. */
  readonly messages: number;
  readonly bytes: number;
}

interface Replica {
  readonly peerId: PeerId;
  readonly state: RoomState;
}

function measure(workers: number): Cost {
  const roomId = roomOf("bench0000");
  const replicas = Array.from({ length: workers }, (_, index) => replicaOf(roomId, `w${index}`));
  const [observer] = replicas;
  const late = replicaOf(roomId, "late");
  if (observer === undefined) throw new Error("Expected a first worker");
  const changesUs: number[] = [];
  const appliesUs: number[] = [];
  let [messages, bytes] = [0, 0];
  for (let turn = 0; turn <= CHANGES_PER_WORKER; turn++) {
    for (const { peerId, state } of replicas) {
      const startedAt = performance.now();
      const change = state.update(entryOf(peerId, turn % 2 === 0 ? "available" : "busy"));
      changesUs.push((performance.now() - startedAt) * 1_000);
      if (change === undefined) throw new Error(`Expected ${peerId} to change in turn ${turn}`);
      const length = JSON.stringify({ type: "state_broadcast", changes: [change] }).length;
      for (const other of replicas) {
        if (other.state === state) continue;
        const takenAt = performance.now();
        other.state.merge([change]);
        appliesUs.push((performance.now() - takenAt) * 1_000);
        messages++;
        bytes += length;
      }
    }
  }
  const startedAt = performance.now();
  const missed = observer.state.lackedBy(late.state.heads);
  const { refused } = late.state.merge(missed);
  const joinMs = rounded(performance.now() - startedAt);
  if (refused.length > 0 || late.state.heads.join() !== observer.state.heads.join()) {
    throw new Error(`Expected the late joiner to catch up, got ${refused.join("; ")}`);
  }
  const documentBytes = missed.reduce(
    (sum, { change }) => sum + Math.floor(change.length * 3 / 4),
    0,
  );
  for (const { state } of [...replicas, late]) state.dispose();
  return { changesUs, appliesUs, joinMs, documentBytes, messages, bytes };
}

function replicaOf(roomId: RoomId, name: string): Replica {
  const identity: PeerIdentity = temporaryIdentity();
  const peerId = identity.peerIdOf(name);
  const author = { roomId, peerId, incarnation: 1, signer: nodeSigner(identity) };
  return { peerId, state: RoomState.create(author) };
}

function entryOf(peer_id: PeerId, status: WorkerEntry["status"]): WorkerEntry {
  const properties = {
    gpu_memory_mb: 24_000,
    gpu_model: "RTX A5000",
    hostname: peer_id,
    worker_name: peer_id,
  };
  return {
    peer_id,
    incarnation: 1,
    status,
    current_job: null,
    metadata: { tags: ["sleap-rtc", "training-worker"], properties },
  };
}

function roomOf(text: string): RoomId {
  if (!isRoomId(text)) throw new Error(`Expected a room id, got ${text}`);
  return text;
}
