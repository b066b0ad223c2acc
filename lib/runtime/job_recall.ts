/**
 * Answers clients that come back to a job: says again what was said of it, or why not. Knows jobs by
 * their folders; who runs one now is told to it.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Refused } from "../job/slot.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import type { JobArchive } from "./job_archive.ts";
import type { JobAudience } from "./job_audience.ts";
import type { JobVerdict } from "./job_folder.ts";
import { tellPeer } from "./link_speech.ts";

/** The job that holds the worker now, and how much was said of it; nothing before it started. */
export interface PresentJob {
  readonly jobId: JobId | undefined;
  readonly sequence: number | undefined;
}

/** Results of a job, and the folder in which they stand. */
export interface JobResults {
  readonly manifest: Manifest;
  readonly folder: string;
}

const UNKNOWN_JOB: Refused = {
  code: "unknown_job",
  reason: "The worker knows no such job of this client",
};

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
  readonly #present: () => PresentJob;

  constructor(archive: JobArchive, audience: JobAudience, present: () => PresentJob) {
    this.#archive = archive;
    this.#audience = audience;
    this.#present = present;
  }

  /**
   * Says over `link` what `client` has missed of a job, and lets it hear what comes.
   *
   * @throws {Error} Where the job's folder cannot be read.
   */
  async follow(
    client: PeerId,
    link: PeerLink,
    question: Extract<JobMessage, { type: "job_follow" }>,
  ): Promise<void> {
    const { request_id, job_id, after_sequence } = question;
    // Asked before the folder is: a job that ends meanwhile leaves its verdict there.
    const present = this.#present();
    const folder = await this.#archive.find(job_id, client);
    const verdict = await folder?.verdict();
    const running = present.jobId === job_id ? present.sequence : undefined;
    const refused = folder === undefined
      ? UNKNOWN_JOB
      : objection(verdict?.sequence ?? running, after_sequence, present.jobId === job_id);
    if (folder === undefined || refused !== undefined) {
      tellPeer(link, { type: "job_refused", request_id, job_id, ...refused ?? UNKNOWN_JOB });
      return;
    }
    const log = await folder.openEvents();
    tellPeer(link, { type: "job_following", request_id, job_id, after_sequence });
    try {
      await this.#audience.replay(link, job_id, log, after_sequence);
    } catch (error) {
      link.close("What was said of the job cannot be read");
      throw error;
    }
  }

  /**
   * The results of a job that ended well, for whoever is of the key that asked for it; where there are
   * none, says so over `link`.
   *
   * @param stopped Aborted, no results go out any more: the worker would wait for its client.
   * @throws {Error} Where the job's folder cannot be read.
   */
  async results(
    client: PeerId,
    link: PeerLink,
    job_id: JobId,
    stopped: AbortSignal,
  ): Promise<JobResults | undefined> {
    const folder = await this.#archive.find(job_id, client);
    const verdict = await folder?.verdict();
    if (folder !== undefined && verdict?.type === "job_done" && !stopped.aborted) {
      return { manifest: verdict.results, folder: folder.output };
    }
    const reason = stopped.aborted
      ? "The worker is stopping"
      : "The worker has no results of such a job of this client";
    tellPeer(link, { type: "transfer_failed", job_id, purpose: "results", reason });
    return undefined;
  }

  /**
   * Says over `link` why a job that does not run cannot be ended.
   *
   * @throws {Error} Where the job's folder cannot be read.
   */
  async refuseEnd(
    client: PeerId,
    link: PeerLink,
    { request_id, job_id }: Extract<JobMessage, { type: "job_cancel" | "job_stop" }>,
  ): Promise<void> {
    const isPresent = this.#present().jobId === job_id;
    const folder = await this.#archive.find(job_id, client);
    const verdict = await folder?.verdict();
    const refused = folder === undefined
      ? UNKNOWN_JOB
      : verdict === undefined
      ? notRunning(isPresent)
      : { code: "over", reason: `The job ${ENDED[verdict.type]}` } as const;
    tellPeer(link, { type: "job_refused", request_id, job_id, ...refused });
  }
}

/** Why a job of this client cannot be followed; `last` is the number of the last word of it. */
function objection(
  last: number | undefined,
  after: number,
  isPresent: boolean,
): Refused | undefined {
  if (last === undefined) return notRunning(isPresent);
  if (after <= last) return undefined;
  const reason = `Expected to have heard at most ${last} words of the job, got ${after}`;
  return { code: "unsuitable", reason };
}

function notRunning(isPresent: boolean): Refused {
  const reason = isPresent
    ? "The job has not started: its package is still on its way"
    : "The job does not run any more";
  return { code: isPresent ? "unsuitable" : "over", reason };
}
