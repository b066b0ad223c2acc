/** Everything that a `MeshNode` can ask of its surroundings. */

import type { LinkId, PeerId, RequestId } from "../base/id.ts";
import type { LogFields, LogLevel } from "../base/log.ts";
import type { Instant } from "../base/time.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";
import type { MeshMessage } from "../protocol/mesh_message.ts";
import type { WorkerList } from "../protocol/query.ts";
import type { ToServer } from "../protocol/signal_message.ts";
import type { ObserverMessage } from "../protocol/watch_message.ts";
import type { Asker } from "./input.ts";

/** One thing to be done. */
export type Effect =
  /** Say this on that link. */
  | { readonly type: "send"; readonly linkId: LinkId; readonly message: MeshMessage }
  /** Tell a client that watches. One that does not read is to be dropped. */
  | { readonly type: "tell_observer"; readonly linkId: LinkId; readonly message: ObserverMessage }
  /** Say this to the server. Only asked for while it is in reach. */
  | { readonly type: "tell_server"; readonly message: ToServer }
  /** Offer a link to that peer. `link_opened` or `link_closed` must follow. */
  | {
    readonly type: "dial";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly limitMs: number;
  }
  /** That peer offers a link: answer it. `link_opened` or `link_closed` must follow. */
  | {
    readonly type: "answer";
    readonly linkId: LinkId;
    readonly peerId: PeerId;
    readonly limitMs: number;
  }
  /** Give the link this word from its other end. */
  | { readonly type: "deliver"; readonly linkId: LinkId; readonly signal: LinkSignal }
  /** End the link. `link_closed` must follow. */
  | { readonly type: "drop"; readonly linkId: LinkId; readonly reason: string }
  /** Answer a question. */
  | {
    readonly type: "reply";
    readonly asker: Asker;
    readonly requestId: RequestId;
    readonly list: WorkerList;
  }
  /** Come back with `woke` at that time. Never cancelled: a late one finds nothing to do. */
  | { readonly type: "wake"; readonly at: Instant }
  /** Another process is this worker by now: end this one, and say so. The node does nothing more. */
  | { readonly type: "stand_down"; readonly message: string }
  /** Write this down. */
  | {
    readonly type: "log";
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
  };
