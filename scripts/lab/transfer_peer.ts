/**
 * One end of a transfer, as a process for benches and crash tests: told lines of JSON on its standard
 * input, it prints lines of JSON about what happens. Its other end is another such process; whoever
 * started both carries the signals from one to the other.
 */

import { createInterface } from "node:readline";
import { join } from "node:path";
import process from "node:process";
import { z } from "zod";
import { isRoomId, type LinkId } from "../../lib/base/id.ts";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { decodeJson } from "../../lib/protocol/decode.ts";
import { linkMessageSchema } from "../../lib/protocol/link_message.ts";
import { linkSignalSchema } from "../../lib/protocol/link_signal.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { jobIdSchema, linkIdSchema } from "../../lib/protocol/name.ts";
import { selectBackend } from "../../lib/rtc/backend.ts";
import { guardAgainstStrayFailures } from "../../lib/rtc/guard.ts";
import type { Link } from "../../lib/rtc/link.ts";
import { PeerLink } from "../../lib/rtc/peer_link.ts";
import { rtcChoiceSchema } from "../../lib/runtime/config.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { describeFolder } from "../../lib/runtime/file_digest.ts";
import { FileReceiver } from "../../lib/runtime/file_receiver.ts";
import { FileSender } from "../../lib/runtime/file_sender.ts";
import { BLOCK_BYTES } from "../../lib/transfer/block.ts";
import { systemTimers } from "../../lib/runtime/timers.ts";

/** For one attempt to connect. On a machine that is busy one in a few fails, and the next one does not. */
const OPEN_MS = 5_000;
/** What a bare sender keeps on its way. */
const BARE_BUFFERED_BYTES = 1024 * 1024;

const roleSchema = z.enum(["sender", "receiver"]);
const argumentsSchema = z.tuple([roleSchema, rtcChoiceSchema, z.string().min(1)]);
const wordSchema = z.discriminatedUnion("word", [
  /** Meet the other end on that link, and send or receive the files of the folder. */
  z.object({ word: z.literal("meet"), link: linkIdSchema }),
  /** The same with so many bytes of nothing on a link without a protocol; 0 to receive them. */
  z.object({ word: z.literal("bare"), link: linkIdSchema, bytes: z.int().min(0) }),
  z.object({ word: z.literal("signal"), signal: linkSignalSchema }),
  z.object({ word: z.literal("facts") }),
]);

function say(event: string, facts: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
}

const [role, rtc, folder] = argumentsSchema.parse(Deno.args);
const linkRole = role === "sender" ? "offerer" : "answerer";
const transfer = { jobId: jobIdSchema.parse("job-transfer"), purpose: "inputs" } as const;
using _guard = guardAgainstStrayFailures(SILENT_LOG);
const backend = await selectBackend(rtc, SILENT_LOG);
const identity = temporaryIdentity();
const manifest: Manifest | undefined = role === "sender" ? await describeFolder(folder) : undefined;
let accept: (signal: z.infer<typeof linkSignalSchema>) => void = () => {};

/** The most memory that this process has ever had, in MB. */
function peakMb(): number {
  const { maxRSS } = process.resourceUsage();
  return maxRSS / 1_000;
}

/** Sends or receives the files of the folder over a new link. */
function meet(id: LinkId): void {
  const roomId = "transferroom";
  if (!isRoomId(roomId)) throw new Error(`Expected a room id, got ${roomId}`);
  let sender: FileSender | undefined;
  let receiver: FileReceiver | undefined;
  let arrivedBytes = 0;
  let startedAt = performance.now();
  const tell = (end: FileSender | FileReceiver) =>
    end.done.then(
      () => say("done", { link: id, ms: performance.now() - startedAt, arrived: arrivedBytes }),
      (error: unknown) => say("failed", { link: id, reason: String(error), arrived: arrivedBytes }),
    );
  let saidBytes = 0;
  const progress = (bytes: number, bytesMax: number) => {
    // A line for each credit would cost as much as the transfer.
    if (bytes - saidBytes < BLOCK_BYTES) return;
    saidBytes = bytes;
    say("progress", { link: id, bytes, bytes_max: bytesMax });
  };
  const link: PeerLink = new PeerLink(backend, {
    id,
    role: linkRole,
    isNear: true,
    iceServers: [],
    self: {
      roomId,
      peerId: identity.peerIdOf(role),
      role: role === "sender" ? "client" : "worker",
      incarnation: 1,
      publicKey: identity.publicKey,
      metadata: { tags: [], properties: {} },
    },
    expectedPeerId: undefined,
    openTimeoutMs: OPEN_MS,
    timers: systemTimers,
    handlers: {
      signal: (signal) => say("signal", { signal }),
      opened: () => {
        say("opened", { link: id });
        startedAt = performance.now();
        if (manifest === undefined) return;
        sender = new FileSender(link, {
          ...transfer,
          manifest,
          pathOf: (index) => join(folder, manifest.files[index]?.path ?? ""),
          progress,
        });
        tell(sender);
      },
      message: (text) => {
        const decoded = decodeJson(text, linkMessageSchema);
        if (!decoded.ok) throw new Error(decoded.reason);
        const message = decoded.value;
        if (message.type === "transfer_offer") {
          receiver = new FileReceiver(link, {
            ...transfer,
            manifest: message.manifest,
            folder: join(folder, "files"),
            partsFolder: join(folder, "parts"),
            progress,
          });
          tell(receiver);
        } else if ("purpose" in message) {
          sender?.receive(message);
          receiver?.receive(message);
        }
      },
      data: (index, offset, bytes) => {
        arrivedBytes += bytes.length;
        receiver?.data(index, offset, bytes);
      },
      closed: (reason) => {
        say("closed", { link: id, reason });
        sender?.end(new Error(reason));
        receiver?.end(new Error(reason));
      },
    },
  });
  accept = (signal) => link.accept(signal);
}

/** What the backend alone can do: the same number of bytes, with nothing around them. */
function meetBare(id: LinkId, bytes: number): void {
  let arrivedBytes = 0;
  let startedAt = 0;
  const link: Link = backend.create({
    id,
    role: linkRole,
    isNear: true,
    iceServers: [],
    handlers: {
      signal: (signal) => say("signal", { signal }),
      opened: () => {
        clearTimeout(deadline);
        say("opened", { link: id });
        startedAt = performance.now();
        if (role === "sender") pour(link, bytes);
      },
      received: (frame) => {
        arrivedBytes += frame.length;
        if (role === "sender") {
          say("done", { link: id, ms: performance.now() - startedAt });
          link.close("The bench is done");
        } else if (arrivedBytes >= bytes) {
          link.send(new Uint8Array(1));
        }
      },
      closed: (reason) => say("closed", { link: id, reason }),
    },
  });
  const deadline = setTimeout(() => link.close("It did not open in time"), OPEN_MS);
  accept = (signal) => link.accept(signal);
}

async function pour(link: Link, bytes: number): Promise<void> {
  const frame = new Uint8Array(link.frameBytesMax);
  for (let sent = 0; sent < bytes; sent += frame.length) {
    await link.drainedTo(BARE_BUFFERED_BYTES);
    link.send(frame.subarray(0, Math.min(frame.length, bytes - sent)));
  }
}

say("ready", { rtc: backend.name, manifest });
for await (const line of createInterface({ input: process.stdin })) {
  const word = wordSchema.parse(JSON.parse(line));
  switch (word.word) {
    case "meet":
      meet(word.link);
      break;
    case "bare":
      meetBare(word.link, word.bytes);
      break;
    case "signal":
      accept(word.signal);
      break;
    case "facts": {
      const { user, system } = process.cpuUsage();
      const rss_mb = Deno.memoryUsage().rss / 1e6;
      say("facts", { cpu_s: (user + system) / 1e6, rss_mb, peak_mb: peakMb() });
      break;
    }
  }
}
Deno.exit(0);
