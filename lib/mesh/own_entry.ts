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
  /** What its slot does itself; the entry says besides that it is held for somebody whose turn it is. */
  #slot: Pick<WorkerEntry, "status" | "current_job"> = { status: "available", current_job: null };
  #held: CurrentJob | undefined;

  constructor(self: { peerId: PeerId; incarnation: number; metadata: Metadata }) {
    this.#entry = {
      peer_id: self.peerId,
      incarnation: self.incarnation,
      ...this.#slot,
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

  /** Its entry but for the hold: what its slot itself does. */
  get slot(): WorkerEntry {
    return this.#held === undefined ? this.#entry : { ...this.#entry, ...this.#slot };
  }

  /** It does something else now. */
  work(status: WorkerStatus, currentJob: CurrentJob | null): void {
    this.#slot = { status, current_job: currentJob };
    if (status !== "available") this.#held = undefined;
    this.#compose();
  }

  /** Its free slot is held for that job now, or for none. Gives whether that is news. */
  hold(job: CurrentJob | undefined): boolean {
    if (this.#held?.job_id === job?.job_id && this.#held?.client_id === job?.client_id) {
      return false;
    }
    this.#held = job;
    this.#compose();
    return true;
  }

  /** It is described by something else now. */
  describe(metadata: Metadata): void {
    this.#entry = { ...this.#entry, metadata };
  }

  #compose(): void {
    const held = this.#held === undefined
      ? {}
      : { status: "reserved", current_job: this.#held } as const;
    this.#entry = { ...this.#entry, ...this.#slot, ...held };
  }
}
