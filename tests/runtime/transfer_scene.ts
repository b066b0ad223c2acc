/** Files sent from one folder to another over a link in memory, for tests of both ends. */

import { dirname, join } from "node:path";
import { isJobId, type JobId } from "../../lib/base/id.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { FileReceiver, type ReceiveOptions } from "../../lib/runtime/file_receiver.ts";
import { FileSender, type SendOptions } from "../../lib/runtime/file_sender.ts";
import { linkedPeers, type LinkEnd } from "./linked_peers.ts";

/** The job of every transfer. */
export const JOB: JobId = jobOf("job-transfer1");
/** The transfer of every test. */
export const TRANSFER = { jobId: JOB, purpose: "inputs" } as const;
/** 2^20 bytes. */
export const MIB = 1024 * 1024;

function jobOf(text: string): JobId {
  if (!isJobId(text)) throw new Error(`Expected a job id, got ${text}`);
  return text;
}

/** Bytes without a pattern, the same for the same seed. */
export function noise(bytes: number, seed = 1): Uint8Array<ArrayBuffer> {
  const noise = new Uint8Array(bytes);
  let state = seed;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    noise[at] = state >>> 24;
  }
  return noise;
}

/** Writes files, and the folders that they stand in. */
export async function write(
  folder: string,
  files: Readonly<Record<string, Uint8Array>>,
): Promise<void> {
  for (const [path, bytes] of Object.entries(files)) {
    await Deno.mkdir(join(folder, dirname(path)), { recursive: true });
    await Deno.writeFile(join(folder, path), bytes);
  }
}

/** What a folder has. */
export async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
}

/** A transfer that goes on. */
export interface Transfer {
  readonly sender: FileSender;
  readonly receiver: FileReceiver;
  readonly ends: { client: LinkEnd; worker: LinkEnd };
  /** Bytes of data that reached the receiver. */
  arrived(): number;
}

/** How a transfer is begun. */
export interface Beginning {
  readonly from: string;
  readonly to: string;
  readonly onCredit?: (receivedBytes: number, ends: Transfer["ends"]) => void;
  /** What becomes of data on its way; `undefined` loses it, and all that comes after it. */
  readonly onData?: (index: number, offset: number, bytes: Uint8Array) => Uint8Array | undefined;
  readonly receive?: Partial<ReceiveOptions>;
  readonly send?: Partial<SendOptions>;
}

/** Sends what `manifest` names from `from` to `to`, over a new link. */
export async function begin(manifest: Manifest, beginning: Beginning): Promise<Transfer> {
  const { from, to, onCredit = () => {}, onData = (_index, _offset, bytes) => bytes } = beginning;
  const ends = await linkedPeers();
  const { client, worker } = ends;
  const receiver = new FileReceiver(worker.link, {
    ...TRANSFER,
    manifest,
    folder: join(to, "files"),
    partsFolder: join(to, "parts"),
    ...beginning.receive,
  });
  let arrived = 0;
  let isDead = false;
  worker.onData = (index, offset, bytes) => {
    const data = isDead ? undefined : onData(index, offset, bytes);
    isDead ||= data === undefined;
    if (data === undefined) return;
    arrived += data.length;
    receiver.data(index, offset, data);
  };
  const sender = new FileSender(client.link, {
    ...TRANSFER,
    manifest,
    pathOf: (index) => join(from, manifest.files[index]?.path ?? ""),
    ...beginning.send,
  });
  client.onMessage = (message) => {
    if (message.type === "transfer_credit") onCredit(message.received_bytes, ends);
    if (message.type.startsWith("transfer_") && "purpose" in message) sender.receive(message);
  };
  worker.onMessage = (message) => {
    if (isDead) return;
    if (message.type.startsWith("transfer_") && "purpose" in message) receiver.receive(message);
  };
  client.onClosed = () => sender.end(new Error("The link closed"));
  worker.onClosed = () => receiver.end(new Error("The link closed"));
  return { sender, receiver, ends, arrived: () => arrived };
}

/** How both ends come out, when nothing is open any more. */
export async function outcome({ sender, receiver, ends }: Transfer): Promise<[string, string]> {
  const said = async (done: Promise<void>) => {
    try {
      await done;
      return "done";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const both = await Promise.all([said(sender.done), said(receiver.done)]);
  await receiver.closed;
  await receiver.kept;
  ends.client.link.close("The test is over");
  await sender.closed;
  return both;
}
