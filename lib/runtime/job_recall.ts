/**
 * Answers clients that come back to a job: says again what was said of it, or why not. Knows jobs by
 * their folders; who runs one now is told to it.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Refused } from "../job/slot.ts";
import type { JobEvent, JobMessage } from "../protocol/job_message.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import type { JobArchive } from "./job_archive.ts";
import type { JobAudience } from "./job_audience.ts";
import { isVerdict, type JobVerdict } from "./event_log.ts";
import { describeFolder } from "./file_digest.ts";
import type { JobFolder } from "./job_folder.ts";
import { tellPeer } from "./link_speech.ts";

/** How a job stands at its worker now. */
export interface JobPresence {
  /** Whether it holds the slot. */
  readonly isHere: boolean;
  /** How much was said of it; nothing before it started. */
  readonly sequence: number | undefined;
  /** What was said of it and is not written down yet, in order. */
  readonly unwritten: readonly JobEvent[];
  /** What it has left that is in the way of others, in a sentence. */
  readonly remains: string | undefined;
}

interface FoundJob {
  readonly folder: JobFolder;
  /** Absent where it has not ended. */
  readonly verdict: JobVerdict | undefined;
}

/** Results of a job, and the folder in which they stand. */
export interface JobResults {
  readonly manifest: Manifest;
  readonly folder: string;
}

/** Characters of a refusal's reason. */
const REASON_LENGTH_MAX = 1_000;

const UNKNOWN_JOB: Refused = {
  code: "unknown_job",
  reason: "The worker knows no such job of this client",
};

const NO_RESULTS = { reason: "The worker has no results of such a job of this client" };
const STILL_RUNS = {
  reason:
    "The job still runs: `sleap-rtc follow` waits for its results, `sleap-rtc stop` asks for those so far",
};
const STOPPING = { reason: "The worker is stopping" };

const ENDED: Readonly<Record<JobVerdict["type"], string>> = {
  job_done: "is done already",
  job_failed: "has failed already",
  job_cancelled: "was cancelled already",
  job_lost: "is lost: nobody saw how it ended",
};

/** What one worker remembers. */
export class JobRecall {
  readonly #archive: JobArchive;
  readonly #audience: JobAudience;
  readonly #present: (jobId: JobId) => JobPresence;

  constructor(
    archive: JobArchive,
    audience: JobAudience,
    present: (jobId: JobId) => JobPresence,
  ) {
    this.#archive = archive;
    this.#audience = audience;
    this.#present = present;
  }

  /**
   * Says over `link` what `client` has missed of a job, and lets it hear what comes. One that has heard
   * more than is known here is told everything again.
   *
   * @throws {Error} Where what was said of the job cannot be read.
   */
  async follow(
    client: PeerId,
    link: PeerLink,
    question: Extract<JobMessage, { type: "job_follow" }>,
  ): Promise<void> {
    const { request_id, job_id, after_sequence: heard } = question;
    // Asked before the folder is: a job that ends meanwhile leaves its verdict there.
    const presence = this.#present(job_id);
    const found = await this.#find(client, job_id);
    const refused = "code" in found ? found : undefined;
    const last = "code" in found ? undefined : found.verdict?.sequence ?? presence.sequence;
    if ("code" in found || last === undefined) {
      tellPeer(link, {
        type: "job_refused",
        request_id,
        job_id,
        ...refused ?? notRunning(presence),
      });
      return;
    }
    // Words that a power cut has taken from the disk were heard, and others have their numbers now.
    const after_sequence = heard <= last ? heard : 0;
    const log = await found.folder.events.open();
    tellPeer(link, { type: "job_following", request_id, job_id, after_sequence });
    try {
      await this.#audience.replay(link, job_id, {
        log,
        afterSequence: after_sequence,
        unwritten: () => this.#present(job_id).unwritten,
      });
    } catch (error) {
      link.close("What was said of the job cannot be read");
      throw error;
    }
  }

  /**
   * The results of a job that ended well, and what one has written that failed or was lost: a model may
   * be whole although what came after it was not. For whoever is of the key that asked for it; where
   * there are none, says so over `link`.
   *
   * @param stopped Aborted, no results go out any more: the worker would wait for its client.
   */
  async results(
    client: PeerId,
    link: PeerLink,
    job_id: JobId,
    stopped: AbortSignal,
  ): Promise<JobResults | undefined> {
    const presence = this.#present(job_id);
    const left = await resultsOf(await this.#find(client, job_id), presence);
    const results = stopped.aborted ? STOPPING : left;
    if ("manifest" in results) return results;
    const { reason } = results;
    tellPeer(link, { type: "transfer_failed", job_id, purpose: "results", reason });
    return undefined;
  }

  /** Says over `link` why a job that does not run cannot be ended. */
  async refuseEnd(
    client: PeerId,
    link: PeerLink,
    { request_id, job_id }: Extract<JobMessage, { type: "job_cancel" | "job_stop" }>,
  ): Promise<void> {
    const presence = this.#present(job_id);
    const found = await this.#find(client, job_id);
    const refused = "code" in found
      ? found
      : found.verdict === undefined
      ? notRunning(presence)
      : { code: "over", reason: `The job ${ENDED[found.verdict.type]}` } as const;
    tellPeer(link, { type: "job_refused", request_id, job_id, ...refused });
  }

  /** The job's folder and its last word, or why the client is told nothing of it. */
  async #find(client: PeerId, jobId: JobId): Promise<FoundJob | Refused> {
    try {
      const folder = await this.#archive.find(jobId, client);
      if (folder === undefined) return UNKNOWN_JOB;
      const late = this.#present(jobId).unwritten.find(isVerdict);
      return { folder, verdict: late ?? await folder.events.verdict() };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const reason = this.#present(jobId).remains ?? `The worker cannot read the job: ${why}`;
      return { code: "unsuitable", reason: reason.slice(0, REASON_LENGTH_MAX) };
    }
  }
}

/** What a job that has ended left, or why there is nothing. */
async function resultsOf(
  found: FoundJob | Refused,
  presence: JobPresence,
): Promise<JobResults | Pick<Refused, "reason">> {
  if ("code" in found) return found.code === "unknown_job" ? NO_RESULTS : found;
  const { verdict, folder: { output: folder } } = found;
  switch (verdict?.type) {
    case "job_done":
      return { manifest: verdict.results, folder };
    case "job_failed":
    case "job_lost": {
      const manifest = await describeFolder(folder);
      if (manifest.files.length > 0) return { manifest, folder };
      return { reason: `The job ${ENDED[verdict.type]}, and its trainer has written no file` };
    }
    case "job_cancelled":
      return { reason: `The job ${ENDED[verdict.type]}, and has no results` };
    case undefined:
      return presence.sequence === undefined ? notRunning(presence) : STILL_RUNS;
  }
  return verdict satisfies never;
}

function notRunning({ isHere, remains }: JobPresence): Refused {
  if (remains !== undefined) return { code: "unsuitable", reason: remains };
  const reason = isHere
    ? "The job has not started: its package is still on its way"
    : "The job does not run any more";
  return { code: isHere ? "unsuitable" : "over", reason };
}
