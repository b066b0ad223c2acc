/** What the room state costs: to change it, to take a change, to catch up, and to keep it. */

import { isRoomId, type PeerId, type RoomId } from "../../lib/base/id.ts";
import { RoomState } from "../../lib/mesh/room_state.ts";
import type { WorkerEntry } from "../../lib/protocol/worker.ts";
import { loadAutomerge } from "../../lib/runtime/automerge_module.ts";
import { type PeerIdentity, temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { nodeSigner } from "../../lib/runtime/node_signer.ts";
import type { Bench } from "./bench.ts";
import { median, rounded } from "./statistics.ts";

const WORKERS = 10;
const CHANGES_PER_WORKER = 50;

/** Ten workers change their status in turn; each change is signed, checked and taken as in production. */
export const bench: Bench = {
  summary: "Cost of the room state: change, apply, join, size",
  rounds: 10,
  options: {},
  async *run({ rounds }) {
    await loadAutomerge();
    const all: { change_us: number; apply_us: number; join_ms: number; document_bytes: number }[] =
      [];
    for (let round = 1; round <= rounds; round++) {
      const measured = measure();
      all.push(measured);
      yield { round, ...measured };
    }
    const middle = (name: keyof (typeof all)[number]) =>
      rounded(median(all.map((one) => one[name])));
    yield {
      change_us: middle("change_us"),
      apply_us: middle("apply_us"),
      join_ms: middle("join_ms"),
      document_bytes: middle("document_bytes"),
      changes: WORKERS * (CHANGES_PER_WORKER + 1),
      rounds,
    };
  },
};

interface Replica {
  readonly peerId: PeerId;
  readonly state: RoomState;
}

function measure(): {
  change_us: number;
  apply_us: number;
  join_ms: number;
  document_bytes: number;
} {
  const roomId = roomOf("bench0000");
  const replicas = Array.from({ length: WORKERS }, (_, index) => replicaOf(roomId, `w${index}`));
  const [observer] = replicas;
  const late = replicaOf(roomId, "late");
  if (observer === undefined) throw new Error("Expected a first worker");
  let [changeMs, applyMs, changes] = [0, 0, 0];
  for (let turn = 0; turn <= CHANGES_PER_WORKER; turn++) {
    for (const { peerId, state } of replicas) {
      const startedAt = performance.now();
      const change = state.update(entryOf(peerId, turn % 2 === 0 ? "available" : "busy"));
      const changedAt = performance.now();
      if (change === undefined) throw new Error(`Expected ${peerId} to change in turn ${turn}`);
      for (const other of replicas) if (other.state !== state) other.state.merge([change]);
      changeMs += changedAt - startedAt;
      applyMs += (performance.now() - changedAt) / (WORKERS - 1);
      changes++;
    }
  }
  const startedAt = performance.now();
  const missed = observer.state.lackedBy(late.state.heads);
  const { refused } = late.state.merge(missed);
  const join_ms = rounded(performance.now() - startedAt);
  if (refused.length > 0 || late.state.heads.join() !== observer.state.heads.join()) {
    throw new Error(`Expected the late joiner to catch up, got ${refused.join("; ")}`);
  }
  const document_bytes = missed.reduce(
    (sum, { change }) => sum + Math.floor(change.length * 3 / 4),
    0,
  );
  for (const { state } of [...replicas, late]) state.dispose();
  return {
    change_us: rounded(changeMs / changes * 1_000),
    apply_us: rounded(applyMs / changes * 1_000),
    join_ms,
    document_bytes,
  };
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
