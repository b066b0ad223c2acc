/** What a `MeshNode` knows, for people, tests and simulations. A copy: changing it changes nothing. */

import type { PeerId } from "../base/id.ts";
import type { Waiting } from "../protocol/queue_message.ts";
import type { CurrentJob, WorkerEntry } from "../protocol/worker.ts";
import type { Retry } from "./introduction.ts";
import type { RoomState } from "./room_state.ts";
import type { Liveness } from "./member.ts";

/** What one worker knows of its room. */
export interface MeshView {
  readonly self: PeerId;
  readonly admin: PeerId | undefined;
  readonly leads: boolean;
  readonly epoch: number;
  /** Whether another process is this worker by now: then this one has fallen silent. */
  readonly superseded: boolean;
  readonly partitioned: boolean;
  /** For how long it has been cut off, in milliseconds; 0 where it is not. */
  readonly staleMs: number;
  readonly liveness: ReadonlyMap<PeerId, Liveness>;
  readonly links: readonly PeerId[];
  /** Whom it will dial again: the seeds' `retry_tasks`. */
  readonly retries: ReadonlyMap<PeerId, Retry>;
  readonly dialling: number;
  readonly entries: ReadonlyMap<PeerId, WorkerEntry>;
  /** The requests that wait in the room, in order. */
  readonly waiting: readonly Waiting[];
  /** The job whose turn it is at this worker, while its free slot is held for it. */
  readonly held: CurrentJob | undefined;
  readonly heads: readonly string[];
  /** Changes behind the room state, those that wait for one they build on, and the last operation. */
  readonly size: RoomState["size"];
}
