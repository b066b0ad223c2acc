/**
 * What clients ask before a slot is given: would this run here? Looks for a job's files first, which
 * takes time, and only then has the slot asked, which cannot wait. Gives no slot itself.
 */

import type { JobId, PeerId } from "../base/id.ts";
import { refusalMessage, type Refused, type Suitability } from "../job/slot.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import type { Chores } from "./chores.ts";
import type { JobPreparation } from "./job_preparation.ts";

/** A client that wants a job run, or wants to know whether it would be. */
export type JobInquiry = Extract<JobMessage, { type: "job_reserve" | "job_inquire" }>;

/** With what questions are answered. */
export interface JobInquiriesOptions {
  readonly preparation: JobPreparation;
  readonly chores: Chores;
  /** What can be said at once against a job. */
  readonly objectionTo: Suitability;
}

/** What inquiries ask of their owner. */
export interface JobInquiriesHandlers {
  /** Whether no job holds the slot. */
  isFree(): boolean;
  /** The link of a client that is here. */
  linkOf(client: PeerId): PeerLink | undefined;
  tell(client: PeerId, message: JobMessage): void;
  /** The slot is to be asked. */
  reserve(client: PeerId, inquiry: JobInquiry): void;
}

/** The questions of all clients of one worker. */
export class JobInquiries {
  readonly #options: JobInquiriesOptions;
  readonly #handlers: JobInquiriesHandlers;
  /** Who waits for a job whose files are being looked for. What was released, or asked anew, is not here. */
  readonly #waiting = new Map<JobId, { readonly client: PeerId }>();

  constructor(options: JobInquiriesOptions, handlers: JobInquiriesHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Takes a question: has the slot asked, or answers. */
  ask(client: PeerId, inquiry: JobInquiry): void {
    const { type, job_id, request_id, spec, inputs } = inquiry;
    const isReserving = type === "job_reserve";
    // A slot that is not free says so at once.
    if (isReserving && !this.#handlers.isFree()) return this.#handlers.reserve(client, inquiry);
    const waiting = { client };
    if (isReserving) this.#waiting.set(job_id, waiting);
    const link = this.#handlers.linkOf(client);
    this.#options.chores.begin("A job's files cannot be looked for", job_id, async () => {
      const refused = this.#options.objectionTo(spec, inputs) ??
        await this.#objectionOfDisks(client, inquiry);
      const isWanted = this.#waiting.get(job_id) === waiting;
      if (isWanted) this.#waiting.delete(job_id);
      // Who has come over another link meanwhile asks again.
      if (link === undefined || this.#handlers.linkOf(client) !== link) return;
      if (refused !== undefined) {
        return this.#handlers.tell(client, refusalMessage({ request_id, job_id }, refused));
      }
      if (!isReserving) {
        return this.#handlers.tell(client, { type: "job_suitable", request_id, job_id });
      }
      if (isWanted) this.#handlers.reserve(client, inquiry);
    });
  }

  /** The client does not want that job any more. */
  forget(client: PeerId, jobId: JobId): void {
    if (this.#waiting.get(jobId)?.client === client) this.#waiting.delete(jobId);
  }

  async #objectionOfDisks(
    client: PeerId,
    { job_id, spec, inputs }: JobInquiry,
  ): Promise<Refused | undefined> {
    const { preparation, chores } = this.#options;
    try {
      return await preparation.objectionOfTrainer(spec) ??
        await preparation.objectionOfPaths(client, spec, inputs);
    } catch (error) {
      chores.warn("A job's files cannot be looked for", error, job_id);
      return { code: "unsuitable", reason: "The worker cannot look for the job's files now" };
    }
  }
}
