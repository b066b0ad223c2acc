/**
 * Who hears what is said of jobs: a client that comes late is told first what it has missed, from the
 * job's event log, and then goes on with the others. Knows nothing of who may hear.
 */

import type { JobId } from "../base/id.ts";
import { decodeJson } from "../protocol/decode.ts";
import { type JobEvent, jobEventSchema } from "../protocol/job_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import { tellPeer } from "./link_speech.ts";

/** One read of an event log. */
const CHUNK_BYTES = 64 * 1024;
/** What a link may hold back before the next read. Higher: more memory; lower: gaps on the wire. */
const BUFFERED_BYTES = 1024 * 1024;

interface Listener {
  readonly jobId: JobId;
  /** Whether it has heard all that was written down; until then nothing new is said to it. */
  isLevel: boolean;
  /** Resolved when it hears no more: what it is being told need not wait for its link. */
  readonly dismissed: PromiseWithResolvers<void>;
}

/** What a link has missed of a job. */
export interface Missed {
  /** What was written down of the job, as a file that is open. */
  readonly log: Deno.FsFile;
  /** The number of the last word that it has heard. */
  readonly afterSequence: number;
  /** What was said and is not written down yet, in order. */
  readonly unwritten: () => readonly JobEvent[];
}

/** The audience of one worker's jobs. A link hears of one job at a time. */
export class JobAudience {
  readonly #listeners = new Map<PeerLink, Listener>();

  /** `link` hears what is said of `jobId` from now on; where it is being told already, it goes on so. */
  admit(link: PeerLink, jobId: JobId): void {
    if (this.#listeners.get(link)?.jobId === jobId) return;
    this.#enrol(link, jobId, true);
  }

  /** Whether `link` hears of a job. */
  hears(link: PeerLink): boolean {
    return this.#listeners.has(link);
  }

  /** `link` hears no more. */
  dismiss(link: PeerLink): void {
    this.#listeners.get(link)?.dismissed.resolve();
    this.#listeners.delete(link);
  }

  /** Those who are still being told what they have missed hear no more: a slow link must not be waited for. */
  dismissLate(): void {
    for (const [link, { isLevel }] of [...this.#listeners]) if (!isLevel) this.dismiss(link);
  }

  /** Says `event` to all who hear of its job. It must have been noted before. */
  say(event: JobEvent): void {
    for (const [link, { jobId, isLevel }] of this.#listeners) {
      if (jobId === event.job_id && isLevel) tellPeer(link, event);
    }
  }

  /**
   * Tells `link` what was said of the job after a word, as fast as it listens, and then admits it.
   * Frees the log.
   *
   * @throws {Error} Where the log cannot be read; the link hears no more then.
   */
  async replay(
    link: PeerLink,
    jobId: JobId,
    { log, afterSequence, unwritten }: Missed,
  ): Promise<void> {
    using file = log;
    const listener = this.#enrol(link, jobId, false);
    const lines = new EventLines();
    const buffer = new Uint8Array(CHUNK_BYTES);
    try {
      while (this.#listeners.get(link) === listener) {
        // Read at once, so that nothing is said between the end of the log and what follows it.
        const length = file.readSync(buffer);
        const events = length === null ? unwritten() : lines.push(buffer.subarray(0, length));
        for (const event of events) if (event.sequence > afterSequence) tellPeer(link, event);
        if (length === null) {
          listener.isLevel = true;
          return;
        }
        await Promise.race([link.drainedTo(BUFFERED_BYTES), listener.dismissed.promise]);
      }
    } catch (error) {
      if (this.#listeners.get(link) === listener) this.dismiss(link);
      throw error;
    }
  }

  #enrol(link: PeerLink, jobId: JobId, isLevel: boolean): Listener {
    this.dismiss(link);
    const listener = { jobId, isLevel, dismissed: Promise.withResolvers<void>() };
    this.#listeners.set(link, listener);
    return listener;
  }
}

/** Cuts an event log into its events. */
class EventLines {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** @throws {Error} Where a line is no event. */
  push(bytes: Uint8Array): JobEvent[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    return lines.map((line) => {
      const decoded = decodeJson(line, jobEventSchema);
      if (decoded.ok) return decoded.value;
      throw new Error(`Expected an event a line in the job's event log: ${decoded.reason}`);
    });
  }
}
