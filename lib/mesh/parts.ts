/** The parts of one `MeshNode`, put together. Knows who needs whom, not what anybody does. */

import type { PeerId, RoomId } from "../base/id.ts";
import type { Random } from "../base/random.ts";
import type { Metadata } from "../protocol/worker.ts";
import { Administration } from "./administration.ts";
import { Courier } from "./courier.ts";
import { Deafness } from "./deafness.ts";
import { Dialler } from "./dialler.ts";
import { Formation } from "./formation.ts";
import { Inquiry } from "./inquiry.ts";
import { Introduction } from "./introduction.ts";
import { LinkTable } from "./link_table.ts";
import { Lookout } from "./lookout.ts";
import { Membership } from "./membership.ts";
import { MeshTally } from "./mesh_tally.ts";
import { Observers } from "./observers.ts";
import { Office } from "./office.ts";
import { Outbox } from "./outbox.ts";
import { OwnEntry } from "./own_entry.ts";
import { PeerListener } from "./peer_listener.ts";
import { Probing } from "./probing.ts";
import { Pulse } from "./pulse.ts";
import { Queue } from "./queue.ts";
import { RoomState } from "./room_state.ts";
import { Roster } from "./roster.ts";
import { ServerListener } from "./server_listener.ts";
import { ServerView } from "./server_view.ts";
import type { Signer } from "./signer.ts";
import { StateSync } from "./state_sync.ts";
import { MESH_TIMING, type MeshTiming, validateTiming } from "./timing.ts";

/**
 * Answers of the server that may be missing before its word counts no more. Higher: half a room leads on
 * longer by the word of a dead socket; lower: a slow server decides nothing.
 */
const SERVER_WORDS_MISSED_MAX = 3;

/** Who a node is, and what it lives with. */
export interface NodeOptions {
  readonly roomId: RoomId;
  readonly peerId: PeerId;
  /** Which life of this peer it is: higher than any before. */
  readonly incarnation: number;
  readonly metadata: Metadata;
  readonly signer: Signer;
  readonly random: Random;
  readonly timing?: MeshTiming;
}

/** The parts of one node. */
export interface Parts {
  readonly self: PeerId;
  readonly incarnation: number;
  readonly timing: MeshTiming;
  readonly own: OwnEntry;
  readonly links: LinkTable;
  readonly server: ServerView;
  readonly outbox: Outbox;
  readonly membership: Membership;
  readonly introduction: Introduction;
  readonly administration: Administration;
  readonly state: RoomState;
  readonly sync: StateSync;
  readonly courier: Courier;
  readonly deafness: Deafness;
  readonly dialler: Dialler;
  readonly roster: Roster;
  readonly pulse: Pulse;
  readonly office: Office;
  readonly inquiry: Inquiry;
  readonly lookout: Lookout;
  readonly observers: Observers;
  readonly formation: Formation;
  readonly tally: MeshTally;
  readonly probing: Probing;
  readonly queue: Queue;
  readonly peerListener: PeerListener;
  readonly serverListener: ServerListener;
}

/**
 * Puts the parts of a node together.
 *
 * @throws {Error} Where the timing does not hold together.
 */
export function createParts(options: NodeOptions): Parts {
  const timing = validateTiming(options.timing ?? MESH_TIMING);
  const { roomId, peerId: self, incarnation, signer } = options;
  const facts = {
    self,
    incarnation,
    timing,
    own: new OwnEntry(options),
    links: new LinkTable(),
    server: new ServerView({
      freshMs: SERVER_WORDS_MISSED_MAX * timing.heartbeatMs,
      askMs: timing.heartbeatMs,
    }),
    outbox: new Outbox(),
    membership: new Membership(timing),
    introduction: new Introduction(self, timing, options.random),
    administration: new Administration(self, timing),
    state: RoomState.create({ roomId, peerId: self, incarnation, signer }),
  };
  const { links, outbox, state } = facts;
  const probing = new Probing(links, outbox);
  const sync = new StateSync(state, links, outbox, timing.fetchMs);
  const courier = new Courier({ ...facts, answerMs: Math.max(...timing.dialMs) });
  const introductionMs = timing.dialMs[0] ?? 0;
  const roster = new Roster({ ...facts, probing, introductionMs });
  const lookout = new Lookout(facts);
  const pulse = new Pulse({ ...facts, heartbeatMs: timing.heartbeatMs });
  const actors = { ...facts, probing, sync, courier, roster, pulse };
  const observers = new Observers({ ...facts, lookout, heartbeatMs: timing.heartbeatMs });
  return {
    ...actors,
    lookout,
    deafness: new Deafness({ ...actors, silenceMs: timing.quietMs + timing.checkMs }),
    dialler: new Dialler({ ...facts, courier, introductionMs, limitsTried: timing.dialMs.length }),
    office: new Office({ ...actors, mournMs: timing.mournMs }),
    inquiry: new Inquiry({ ...facts, lookout }),
    observers,
    queue: new Queue({ ...actors, lookout, observers }),
    formation: new Formation(facts),
    tally: new MeshTally(facts),
    peerListener: new PeerListener({ ...actors, suspicionMs: timing.quietMs }),
    serverListener: new ServerListener(actors),
  };
}
