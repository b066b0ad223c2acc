/**
 * The clients at a worker's desk: their links, and the files that come and go over them. Knows which
 * file belongs where, not who may have it.
 */

import { join } from "node:path";
import type { JobId, PeerId } from "../base/id.ts";
import type { Log } from "../base/log.ts";
import { SECOND_MS } from "../base/time.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import type { FileEntry, Manifest } from "../protocol/manifest.ts";
import type { TransferMessage } from "../protocol/transfer_message.ts";
import type { PeerLink } from "../rtc/peer_link.ts";
import type { Chores } from "./chores.ts";
import { within } from "./deadline.ts";
import { SPARE_BYTES } from "./disk_room.ts";
import type { FileCache } from "./file_cache.ts";
import { FileReceiver } from "./file_receiver.ts";
import { FileSender } from "./file_sender.ts";
import { tellPeer } from "./link_speech.ts";
import type { MountTable } from "./mount_table.ts";

/** For a disk to say whether it has a file. Longer: one that hangs holds the transfer up for longer. */
const LOCATE_MS = 5 * SECOND_MS;

interface Visit {
  readonly link: PeerLink;
  receiver?: FileReceiver;
  sender?: FileSender;
}

/** Inputs that are expected. */
export interface ExpectedInputs {
  readonly jobId: JobId;
  readonly manifest: Manifest;
  readonly folder: string;
  /** Whether they are to be sent even where the worker has them. */
  readonly isFresh: boolean;
  /** Resolves when the folder is there, and rejects where it cannot be made. */
  readonly ready: Promise<void>;
}

/** With what files are taken in. */
export interface JobVisitsOptions {
  /** Where parts of files are kept until they are whole. */
  readonly partsFolder: string;
  /** The inputs of earlier jobs. */
  readonly cache: FileCache;
  /** The folders that this machine may see a client's files in. */
  readonly mounts: MountTable;
  readonly chores: Chores;
  readonly log: Log;
}

/** The clients of one worker. */
export class JobVisits {
  readonly #options: JobVisitsOptions;
  readonly #visits = new Map<PeerId, Visit>();
  /** Resolves when nothing that has begun so far touches the folders any more. */
  #foldersFree: Promise<void> = Promise.resolve();

  /** Resolves when the cache has what it keeps of the inputs that have come so far. */
  #cached: Promise<void> = Promise.resolve();

  constructor(options: JobVisitsOptions) {
    this.#options = options;
  }

  /** Resolves when no transfer or `work` that has begun so far touches the folders any more. */
  get foldersFree(): Promise<void> {
    return this.#foldersFree;
  }

  /** Resolves when nothing is copied to the cache any more of what has come so far. */
  get cached(): Promise<void> {
    return this.#cached;
  }

  /** The folders are in use until `work` has ended, well or badly. */
  occupyFolders(work: Promise<void>): void {
    this.#foldersFree = Promise.allSettled([this.#foldersFree, work]).then(() => {});
  }

  /** A client's link is open. Gives the older one whose place it takes; the caller closes it. */
  welcome(client: PeerId, link: PeerLink): PeerLink | undefined {
    const older = this.#visits.get(client);
    this.#visits.set(client, { link });
    if (older !== undefined) endVisit(older, "A newer link of the same client is open");
    return older?.link;
  }

  /** A client's link is over. Gives whether it was the one in use. */
  leave(client: PeerId, link: PeerLink): boolean {
    const visit = this.#visits.get(client);
    if (visit?.link !== link) return false;
    this.#visits.delete(client);
    endVisit(visit, "The link to the client closed");
    return true;
  }

  /** The link of a client that is here. */
  linkOf(client: PeerId): PeerLink | undefined {
    return this.#visits.get(client)?.link;
  }

  /** Says something to a client. One that is away hears what matters when it comes back. */
  tell(client: PeerId, message: JobMessage | TransferMessage): void {
    const link = this.linkOf(client);
    if (link !== undefined) tellPeer(link, message);
  }

  /** A client said something of a transfer that is underway. */
  hear(client: PeerId, message: Exclude<TransferMessage, { type: "transfer_offer" }>): void {
    const visit = this.#visits.get(client);
    visit?.receiver?.receive(message);
    visit?.sender?.receive(message);
  }

  /** Bytes of a file arrived from a client. */
  data(client: PeerId, index: number, offset: number, bytes: Uint8Array): void {
    this.#visits.get(client)?.receiver?.data(index, offset, bytes);
  }

  /**
   * Receives the inputs of a job from `client`.
   *
   * @throws {Error} Where they do not arrive whole.
   */
  async receive(client: PeerId, inputs: ExpectedInputs): Promise<void> {
    const { jobId, manifest, folder, isFresh, ready } = inputs;
    const { partsFolder, cache, chores, log } = this.#options;
    const visit = this.#visits.get(client);
    if (visit === undefined) return;
    visit.receiver?.end(new Error("The client began anew"));
    const receiver = new FileReceiver(visit.link, {
      jobId,
      purpose: "inputs",
      manifest,
      folder,
      partsFolder,
      ...(isFresh ? {} : { cache, locate: (file: FileEntry) => this.#locate(jobId, file) }),
      reserveBytes: SPARE_BYTES,
      warned: (complaint) => log.write("warning", complaint, { job_id: jobId }),
      ready: Promise.all([ready, this.#foldersFree]),
    });
    visit.receiver = receiver;
    this.occupyFolders(receiver.closed);
    this.#cached = Promise.all([this.#cached, receiver.kept]).then(() => {});
    chores.begin("Inputs cannot be cached", jobId, () => receiver.kept);
    await receiver.done;
  }

  /**
   * Sends the results of a job to `client`, if it still is here by `link`.
   *
   * @throws {Error} Where they do not arrive whole.
   */
  async send(
    client: PeerId,
    link: PeerLink,
    results: { readonly jobId: JobId; readonly manifest: Manifest; readonly folder: string },
  ): Promise<void> {
    const visit = this.#visits.get(client);
    if (visit?.link !== link) return;
    const { jobId, manifest, folder } = results;
    visit.sender?.end(new Error("The client asked anew"));
    visit.sender = new FileSender(link, {
      jobId,
      purpose: "results",
      manifest,
      pathOf: (index) => join(folder, manifest.files[index]?.path ?? ""),
    });
    await visit.sender.done;
  }

  /** Where this machine sees a file that the client says both see. */
  async #locate(jobId: JobId, { path, shared }: FileEntry): Promise<string | undefined> {
    if (shared === undefined) return undefined;
    const { mounts, chores } = this.#options;
    try {
      return await within(mounts.locate(shared), LOCATE_MS, "its disk tells nothing in time");
    } catch (error) {
      // That costs time, and no job.
      chores.warn(`${path} is sent, since it cannot be looked for under a mount`, error, jobId);
      return undefined;
    }
  }

  /** No inputs are expected any more. */
  refuseInputs(reason: string): void {
    for (const visit of this.#visits.values()) visit.receiver?.giveUp(reason);
  }

  /** Ends every transfer. */
  end(reason: string): void {
    for (const visit of this.#visits.values()) endVisit(visit, reason);
  }

  /** Whether a client is here that takes results, or of whom `isWaitedFor` holds. */
  hasBusiness(isWaitedFor: (link: PeerLink) => boolean): boolean {
    return [...this.#visits.values()].some(({ link, sender }) =>
      sender !== undefined || isWaitedFor(link)
    );
  }
}

function endVisit({ receiver, sender }: Visit, reason: string): void {
  receiver?.end(new Error(reason));
  sender?.end(new Error(reason));
}
