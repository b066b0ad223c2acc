/** Everything that can happen to a `MeshNode`. */

import type { JobId, LinkId, PeerId, RequestId } from "../base/id.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";
import type { MeshMessage } from "../protocol/mesh_message.ts";
import type { Needs } from "../protocol/queue_message.ts";
import type { Filters } from "../protocol/query.ts";
import type { FromServer, Role } from "../protocol/signal_message.ts";
import type { CurrentJob, Metadata, WorkerStatus } from "../protocol/worker.ts";

/** Who asks a question, and so which way the answer goes. */
export type Asker =
  | { readonly by: "server"; readonly peerId: PeerId }
  | { readonly by: "link"; readonly peerId: PeerId; readonly linkId: LinkId };

/** One thing that happened. */
export type Input =
  /** The process is up. */
  | { readonly type: "started" }
  /** The server said something. */
  | { readonly type: "server_said"; readonly message: FromServer }
  /** The WebSocket to the server is gone. */
  | { readonly type: "server_lost" }
  /** A link has a word for its other end. */
  | { readonly type: "link_signal"; readonly linkId: LinkId; readonly signal: LinkSignal }
  /** A link is open, and its HELLO has passed. */
  | {
    readonly type: "link_opened";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly role: Role;
    readonly incarnation: number;
    readonly metadata: Metadata;
  }
  /** A link is over, or never came about. */
  | {
    readonly type: "link_closed";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly reason: string;
  }
  /** A worker said something on its link. */
  | {
    readonly type: "peer_said";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly message: MeshMessage;
  }
  /** Somebody asks which workers there are. */
  | {
    readonly type: "asked";
    readonly asker: Asker;
    readonly requestId: RequestId;
    readonly filters: Filters;
  }
  /** A client wants to be told of every change, and has these heads. Said again, it still does. */
  | {
    readonly type: "watched";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly heads: readonly string[];
  }
  /** A client wants to be told no more. */
  | { readonly type: "unwatched"; readonly linkId: LinkId }
  /** A client that watches wants its job to wait for a worker. Said again, it still does. */
  | {
    readonly type: "queue_joined";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly jobId: JobId;
    readonly needs: Needs;
    /** When, by this worker's wall clock: for people to read. */
    readonly wallMs: number;
  }
  /** It need not wait any more. */
  | {
    readonly type: "queue_left";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly jobId: JobId;
  }
  /** What this worker does has changed. */
  | {
    readonly type: "status_changed";
    readonly status: WorkerStatus;
    readonly currentJob: CurrentJob | null;
  }
  /** What this worker says of itself has changed. */
  | { readonly type: "metadata_changed"; readonly metadata: Metadata }
  /** A time came that a `wake` asked for. */
  | { readonly type: "woke"; readonly dueAt: number }
  /** The server has let another process in that is this worker too, and the newer one counts. */
  | { readonly type: "replaced" }
  /** The process is about to end, in order. */
  | { readonly type: "stopping" };
