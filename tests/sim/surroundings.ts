/** What a simulated worker lives with, and what is put into it. Knows nothing of how it lives. */

import type { PeerId, RoomId } from "../../lib/base/id.ts";
import type { Random } from "../../lib/base/random.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { Input } from "../../lib/mesh/input.ts";
import type { MeshNode, NodeOptions } from "../../lib/mesh/node.ts";
import type { Metadata } from "../../lib/protocol/worker.ts";
import type { LinkLayer } from "./link_layer.ts";
import type { SignalServer } from "./signal_server.ts";
import type { Timeline } from "./timeline.ts";
import type { WireCheck } from "./wire_check.ts";
import type { WorkerLife } from "./worker_life.ts";
import type { Workshop } from "./workshop.ts";

/** What a simulation needs of a node; a planted fault gives another than production's. */
export type SimulatedNode = Pick<
  MeshNode,
  "step" | "view" | "presence" | "objectionTo" | "dispose"
>;
/** Makes nodes. */
export type NodeFactory = (options: NodeOptions) => SimulatedNode;

/** Watches every step of every worker. */
export interface Watcher {
  stepped(life: WorkerLife, input: Input, effects: readonly Effect[]): void;
}

/** What a life takes part in. */
export interface Surroundings {
  readonly timeline: Timeline;
  readonly links: LinkLayer;
  readonly server: SignalServer;
  readonly wire: WireCheck;
  readonly random: Random;
  readonly watcher: Watcher;
  readonly createNode: NodeFactory;
  readonly roomId: RoomId;
  /** Where jobs are run; absent in a room without them. */
  readonly workshop: Workshop | undefined;
  /** A worker has written a change to the room state. */
  readonly changeWritten: () => void;
}

/** Who lives. */
export interface Person {
  readonly peerId: PeerId;
  readonly incarnation: number;
  readonly metadata: Metadata;
}
