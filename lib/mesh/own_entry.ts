/** What this worker says of itself: in the room state, to the server, in elections. Tells nobody. */

import type { PeerId } from "../base/id.ts";
import {
  type CurrentJob,
  gpuMemoryMb,
  type Metadata,
  type WorkerEntry,
} from "../protocol/worker.ts";
import type { WorkerStatus } from "../protocol/worker.ts";
import type { Candidate } from "./election.ts";

/** This worker's own entry. */
export class OwnEntry {
  #entry: WorkerEntry;

  constructor(self: { peerId: PeerId; incarnation: number; metadata: Metadata }) {
    this.#entry = {
      peer_id: self.peerId,
      incarnation: self.incarnation,
      status: "available",
      current_job: null,
      metadata: self.metadata,
    };
  }

  /** Its row in the room state. The same object as long as nothing changes. */
  get entry(): WorkerEntry {
    return this.#entry;
  }

  /** This worker as a candidate for admin. */
  get candidate(): Candidate {
    const { peer_id, metadata } = this.#entry;
    return { peerId: peer_id, gpuMemoryMb: gpuMemoryMb(metadata) };
  }

  /** What the server is told: the metadata, with the status among the properties. */
  get presence(): Metadata {
    const { metadata, status } = this.#entry;
    return { tags: metadata.tags, properties: { ...metadata.properties, status } };
  }

  /** It does something else now. */
  work(status: WorkerStatus, currentJob: CurrentJob | null): void {
    this.#entry = { ...this.#entry, status, current_job: currentJob };
  }

  /** It is described by something else now. */
  describe(metadata: Metadata): void {
    this.#entry = { ...this.#entry, metadata };
  }
}
