/**
 * What a member of the room can say that has a key of its own and no good in mind. Knows the protocol
 * well enough to look like a worker; whether anybody believes it is for the referee to see.
 */

import * as automerge from "@automerge/automerge/slim";
import { isLinkId, isPeerId, isRequestId, type PeerId, type RoomId } from "../../lib/base/id.ts";
import { WORKERS_MAX } from "../../lib/base/limits.ts";
import { below, type Random } from "../../lib/base/random.ts";
import { changeBytes } from "../../lib/mesh/author.ts";
import { EPOCH_JUMP_MAX } from "../../lib/mesh/epoch.ts";
import { WORKERS_OBJECT } from "../../lib/mesh/automerge.ts";
import type { Signer } from "../../lib/mesh/signer.ts";
import type {
  Acquaintance,
  MeshMessage,
  SignedChange,
  SignOfLife,
} from "../../lib/protocol/mesh_message.ts";
import { createStandInSigner } from "./stand_in_signer.ts";

/** Whom the malice comes from, whom it is told, and what the liar knows of the room. */
export interface Scene {
  readonly roomId: RoomId;
  readonly liar: PeerId;
  readonly victim: PeerId;
  readonly victimLife: number;
  /** A third worker, to speak for, and its latest life. */
  readonly third: PeerId;
  readonly thirdLife: number;
  readonly heads: readonly string[];
  /** The number of the last operation in the room state. */
  readonly operations: number;
  /** The epoch that the liar is in. */
  readonly epoch: number;
  readonly random: Random;
}

/** A life that the liar never had: what it writes in it clashes with nothing that it wrote in earnest. */
const FALSE_LIFE = 7;
/** Base64 that the schema lets through and that is above the limit of a change. */
const OVERSIZED_LENGTH = 45_000;

/** The kinds of malice. */
export const MALICE: readonly ((scene: Scene) => MeshMessage)[] = [
  forgedSender,
  forgedAuthor,
  forgedActor,
  othersEntry,
  insideAnothersEntry,
  oversized,
  senseless,
  lastNumbers,
  waitsForNothing,
  absurdEpoch,
  farEpoch,
  nextEpoch,
  laterLife,
  falseList,
  deadThatLives,
  livingThatIsSilent,
  falseProbe,
  falseLeave,
  laterRoom,
  inventedWorkers,
];

/** One of them. */
export function drawMalice(scene: Scene): MeshMessage {
  const kind = MALICE[below(MALICE.length, scene.random)] ?? forgedSender;
  return kind(scene);
}

function forgedSender({ third, victim, random }: Scene): MeshMessage {
  const link_id = `liar${below(1e9, random)}`;
  if (!isLinkId(link_id)) throw new Error(`Expected a link id, got ${link_id}`);
  const offer = { type: "offer", sdp: "of nobody" } as const;
  return { type: "mesh_offer", from_peer_id: third, to_peer_id: victim, link_id, offer };
}

function forgedAuthor(scene: Scene): MeshMessage {
  const change = written(scene, entryOf(scene.third, 1), FALSE_LIFE);
  return broadcast({ ...change, author: scene.third });
}

function forgedActor(scene: Scene): MeshMessage {
  const actor = createStandInSigner(scene.third).actorOf(scene.third, FALSE_LIFE);
  return broadcast(written(scene, entryOf(scene.liar, 1), FALSE_LIFE, actor));
}

function othersEntry(scene: Scene): MeshMessage {
  return broadcast(written(scene, entryOf(scene.third, 1), FALSE_LIFE));
}

function insideAnothersEntry(scene: Scene): MeshMessage {
  const object = `2@${createStandInSigner(scene.third).actorOf(scene.third, FALSE_LIFE)}`;
  const ops: Operations = [
    { action: "set", obj: object, key: "status", value: "left", pred: [] },
  ];
  return broadcast(written(scene, { seq: 1, ops }, FALSE_LIFE));
}

function oversized(scene: Scene): MeshMessage {
  const change = written(scene, entryOf(scene.liar, 1), FALSE_LIFE);
  return broadcast({ ...change, change: "A".repeat(OVERSIZED_LENGTH) });
}

/** Eight changes before it were never written, which Automerge finds out in the middle. */
function senseless(scene: Scene): MeshMessage {
  return broadcast(written(scene, entryOf(scene.liar, 9), FALSE_LIFE));
}

/** Whoever writes after it finds no number for its operations. */
function lastNumbers(scene: Scene): MeshMessage {
  const startOp = 2 ** 32 - 2;
  return broadcast(written(scene, { ...entryOf(scene.liar, 1), startOp }, FALSE_LIFE));
}

/** Each builds on a change that does not exist, and so waits for ever. */
function waitsForNothing(scene: Scene): MeshMessage {
  const changes = Array.from({ length: 64 }, (_, index) => {
    const nothing = below(2 ** 32, scene.random).toString(16).padStart(64, "0");
    const draft = entryOf(scene.liar, index + 1);
    return written({ ...scene, heads: [nothing] }, draft, FALSE_LIFE);
  });
  return { type: "state_broadcast", changes };
}

/** An epoch that nobody could claim another above of. */
function absurdEpoch(scene: Scene): MeshMessage {
  return beat({ ...scene, epoch: Number.MAX_SAFE_INTEGER }, {});
}

/** As far as the server itself would grant, but told to workers: twice, and no claim is granted any more. */
function farEpoch({ epoch, ...scene }: Scene): MeshMessage {
  return beat({ ...scene, epoch: epoch + EPOCH_JUMP_MAX }, {});
}

/** It leads in an epoch that nobody claimed. */
function nextEpoch({ epoch, ...scene }: Scene): MeshMessage {
  return beat({ ...scene, epoch: epoch + 1 }, { admin_peer_id: scene.liar });
}

/** A life of a third worker that was never lived: who believes that ends the link to the true one. */
function laterLife({ third }: Scene): MeshMessage {
  return { type: "mesh_peer_joined", peer: invented(third) };
}

/** A list as the admin sends it, of lives that were never lived. */
function falseList({ third, victim }: Scene): MeshMessage {
  const peers = [third, victim].map(invented);
  return { type: "mesh_peer_list", peer_ids: [third, victim], peer_metadata: {}, peers };
}

/** The third worker was heard just now, whether it lives or not. */
function deadThatLives(scene: Scene): MeshMessage {
  return beat(scene, { heard: [heardOf(scene.third, scene.thirdLife)] });
}

/** Nobody but the victim was heard, and everybody else is suspected. */
function livingThatIsSilent(scene: Scene): MeshMessage {
  return beat(scene, { suspects: [scene.third, scene.victim] });
}

/** The answer to a question about the third worker, though nobody was asked. */
function falseProbe({ third, thirdLife, random }: Scene): MeshMessage {
  const request_id = `probe-${below(1_000, random)}`;
  if (!isRequestId(request_id)) throw new Error(`Expected a request id, got ${request_id}`);
  return { type: "probe_result", request_id, target_peer_id: third, incarnation: thirdLife };
}

/** It leaves in a life that it never had. */
function falseLeave(): MeshMessage {
  return { type: "leave", incarnation: FALSE_LIFE };
}

/** It is cut off from a room that agreed after this one. */
function laterRoom({ epoch, ...scene }: Scene): MeshMessage {
  return beat({ ...scene, epoch: epoch + 1 }, { agreed_epoch: epoch + 1, partitioned: true });
}

/** More workers than anybody can remember. */
function inventedWorkers({ random }: Scene): MeshMessage {
  const peers = Array.from({ length: 4 * WORKERS_MAX }, () => {
    const name = `nobody${below(1e6, random)}`;
    if (!isPeerId(name)) throw new Error(`Expected a peer id, got ${name}`);
    return invented(name);
  });
  const peer_ids = peers.map(({ peer_id }) => peer_id);
  return { type: "mesh_peer_list", peer_ids, peer_metadata: {}, peers };
}

function invented(peer_id: PeerId): Acquaintance {
  return { peer_id, incarnation: 1e9, metadata: { tags: [], properties: { gpu_memory_mb: 1e9 } } };
}

function heardOf(peer_id: PeerId, incarnation: number): SignOfLife {
  return { peer_id, incarnation, age_ms: 0, direct: true };
}

/** A heartbeat, true but for `lie`: the victim is heard, or it would end the link. */
function beat({ epoch, victim, victimLife }: Scene, lie: Partial<Heartbeat>): MeshMessage {
  const { heard = [], ...others } = lie;
  return {
    type: "heartbeat",
    sequence: 1,
    heads: [],
    heard: [heardOf(victim, victimLife), ...heard],
    suspects: [],
    admin_peer_id: null,
    epoch,
    agreed_epoch: 0,
    partitioned: false,
    cut_off: [],
    agreed: [],
    joining: [],
    ...others,
  };
}

type Heartbeat = Extract<MeshMessage, { type: "heartbeat" }>;
type Operations = Parameters<typeof automerge.encodeChange>[0]["ops"];
interface Draft {
  readonly seq: number;
  /** The number of its first operation, where that is not the next one. */
  readonly startOp?: number;
  readonly ops: Operations;
}

function entryOf(owner: PeerId, seq: number): Draft {
  return { seq, ops: [{ action: "makeMap", obj: WORKERS_OBJECT, key: owner, pred: [] }] };
}

function written(scene: Scene, draft: Draft, life: number, actor?: string): SignedChange {
  const { heads, liar, operations, roomId } = scene;
  const signer: Signer = createStandInSigner(liar);
  const chunk = automerge.encodeChange({
    ...draft,
    actor: actor ?? signer.actorOf(liar, life),
    author: null,
    startOp: draft.startOp ?? operations + 1,
    time: 0,
    message: null,
    deps: [...heads],
  });
  return {
    author: liar,
    incarnation: life,
    public_key: signer.publicKey,
    change: chunk.toBase64(),
    signature: signer.sign(changeBytes(roomId, chunk)),
  };
}

function broadcast(change: SignedChange): MeshMessage {
  return { type: "state_broadcast", changes: [change] };
}
