/** Files from one peer to another over a link in memory, with real files at both ends. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { dirname, join } from "node:path";
import { isJobId } from "../../lib/base/id.ts";
import type { Manifest } from "../../lib/protocol/manifest.ts";
import { describeFolder } from "../../lib/runtime/file_digest.ts";
import { FileReceiver } from "../../lib/runtime/file_receiver.ts";
import { FileSender } from "../../lib/runtime/file_sender.ts";
import { WINDOW_BYTES } from "../../lib/transfer/credit_window.ts";
import { withFolder } from "./condition.ts";
import { linkedPeers, type LinkEnd } from "./linked_peers.ts";

const JOB = "job-transfer1";
if (!isJobId(JOB)) throw new Error("Expected a job id");
const TRANSFER = { jobId: JOB, purpose: "inputs" } as const;
const MIB = 1024 * 1024;

function noise(bytes: number, seed = 1): Uint8Array<ArrayBuffer> {
  const noise = new Uint8Array(bytes);
  let state = seed;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    noise[at] = state >>> 24;
  }
  return noise;
}

async function write(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  for (const [path, bytes] of Object.entries(files)) {
    await Deno.mkdir(join(folder, dirname(path)), { recursive: true });
    await Deno.writeFile(join(folder, path), bytes);
  }
}

interface Transfer {
  readonly sender: FileSender;
  readonly receiver: FileReceiver;
  readonly ends: { client: LinkEnd; worker: LinkEnd };
  /** Bytes of data that reached the receiver. */
  arrived(): number;
}

/** Sends what `manifest` names from `from` to `to`, over a new link. */
async function begin(
  manifest: Manifest,
  { from, to, onCredit = () => {} }: {
    from: string;
    to: string;
    onCredit?: (receivedBytes: number, ends: Transfer["ends"]) => void;
  },
): Promise<Transfer> {
  const ends = await linkedPeers();
  const { client, worker } = ends;
  const receiver = new FileReceiver(worker.link, {
    ...TRANSFER,
    manifest,
    folder: join(to, "files"),
    partsFolder: join(to, "parts"),
  });
  let arrived = 0;
  worker.onData = (index, offset, bytes) => {
    receiver.data(index, offset, bytes);
    arrived += bytes.length;
  };
  const sender = new FileSender(client.link, {
    ...TRANSFER,
    manifest,
    pathOf: (index) => join(from, manifest.files[index]?.path ?? ""),
  });
  client.onMessage = (message) => {
    if (message.type === "transfer_credit") onCredit(message.received_bytes, ends);
    if (message.type.startsWith("transfer_") && "purpose" in message) sender.receive(message);
  };
  worker.onMessage = (message) => {
    if (message.type.startsWith("transfer_") && "purpose" in message) receiver.receive(message);
  };
  client.onClosed = () => sender.end(new Error("The link closed"));
  worker.onClosed = () => receiver.end(new Error("The link closed"));
  return { sender, receiver, ends, arrived: () => arrived };
}

/** How both ends come out, when nothing is open any more. */
async function outcome({ sender, receiver, ends }: Transfer): Promise<[string, string]> {
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
  ends.client.link.close("The test is over");
  await sender.closed;
  return both;
}

async function names(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).toSorted();
}

const cases: [string, Record<string, Uint8Array>][] = [
  ["no bytes", { "empty.txt": noise(0) }],
  ["one byte", { one: noise(1) }],
  ["3 MiB", { "big.bin": noise(3 * MIB) }],
  ["several files, in folders, with spaces and other letters", {
    "a/b/c.bin": noise(5_000),
    "fly labels é ü 蠅.pkg.slp": noise(70_000, 2),
    "z.csv": noise(0),
    "same 1": noise(1_000),
    "same 2": noise(1_000),
  }],
];
for (const [what, files] of cases) {
  Deno.test(`transfer: ${what} arrive as they are, and nothing else is left`, () =>
    withFolder(async (folder) => {
      const [from, to] = [join(folder, "from"), join(folder, "to")];
      await write(from, files);
      const manifest = await describeFolder(from);
      const transfer = await begin(manifest, { from, to });
      deepEqual(await outcome(transfer), ["done", "done"]);
      deepEqual(await describeFolder(join(to, "files")), manifest);
      deepEqual(await names(join(to, "parts")), []);
      equal(transfer.arrived(), manifest.files.reduce((sum, { bytes }) => sum + bytes, 0));
    }));
}

Deno.test("transfer: a link that closes in the middle costs only what was on its way", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(100_000), "big.bin": noise(3 * MIB) });
    const manifest = await describeFolder(from);
    const cut = await begin(manifest, {
      from,
      to,
      onCredit: (receivedBytes, { worker }) => {
        if (receivedBytes > MIB) worker.link.close("The cable is out");
      },
    });
    deepEqual(await outcome(cut), ["The link closed", "The link closed"]);
    deepEqual(await names(join(to, "files")), ["a.bin"]);
    const [part] = await names(join(to, "parts"));
    const { size } = await Deno.stat(join(to, "parts", part ?? ""));
    ok(size > 0 && size < 3 * MIB, `${size} bytes of the part`);

    // The first file is whole already, and of the second only the rest is asked for.
    const rest: Manifest = { files: manifest.files.filter(({ path }) => path === "big.bin") };
    await Deno.rename(
      join(to, "parts", part ?? ""),
      join(to, "parts", `${part}`.replace(/1$/, "0")),
    );
    const resumed = await begin(rest, { from, to });
    deepEqual(await outcome(resumed), ["done", "done"]);
    equal(resumed.arrived(), 3 * MIB - size);
    deepEqual(await describeFolder(join(to, "files")), manifest);
    deepEqual(await names(join(to, "parts")), []);
  }));

Deno.test("transfer: other bytes than were promised are refused and removed", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(2_000) });
    const manifest = await describeFolder(from);
    await write(from, { "a.bin": noise(2_000, 9) });
    const transfer = await begin(manifest, { from, to });
    const [sent, received] = await outcome(transfer);
    match(sent, /The receiver gave up: Expected a.bin with SHA-256/);
    match(received, /^Expected a.bin with SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}$/);
    deepEqual([await names(join(to, "files")), await names(join(to, "parts"))], [[], []]);
    await rejects(transfer.receiver.done, { kind: "corrupt" });
  }));

Deno.test("transfer: a whole part with wrong bytes is fetched anew", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(2_000) });
    const manifest = await describeFolder(from);
    await write(join(to, "parts"), { [`${manifest.files[0]?.sha256}.0`]: noise(2_000, 9) });
    deepEqual(await outcome(await begin(manifest, { from, to })), ["done", "done"]);
    deepEqual(await describeFolder(join(to, "files")), manifest);
  }));

Deno.test("transfer: a file that became shorter is told to both ends", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(2_000) });
    const manifest = await describeFolder(from);
    await write(from, { "a.bin": noise(1_000) });
    const [sent, received] = await outcome(await begin(manifest, { from, to }));
    match(sent, /a.bin became shorter while it was sent/);
    match(received, /The sender gave up: a.bin became shorter/);
  }));

Deno.test("transfer: a file that is gone is told to both ends", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(2_000) });
    const manifest = await describeFolder(from);
    await Deno.remove(join(from, "a.bin"));
    const [sent, received] = await outcome(await begin(manifest, { from, to }));
    match(sent, /cannot be sent: No such file/);
    match(received, /The sender gave up: No such file/);
  }));

Deno.test("transfer: a folder that cannot be written is told to both ends", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(2_000) });
    await write(folder, { to: noise(1) });
    const [sent, received] = await outcome(await begin(await describeFolder(from), { from, to }));
    match(sent, /The receiver gave up: /);
    match(received, /The files cannot be received: /);
  }));

const hostile: [string, (ends: Transfer["ends"]) => void, RegExp][] = [
  [
    "data at a wrong offset",
    ({ client }) => client.link.sendData(0, 7, noise(1)),
    /Expected byte 0 of a.bin, got byte 7/,
  ],
  [
    "data of a file that was not promised",
    ({ client }) => client.link.sendData(9, 0, noise(1)),
    /got number 9/,
  ],
  [
    "more data than was promised",
    ({ client }) => client.link.sendData(0, 0, noise(3_000)),
    /Expected 2000 bytes of a.bin/,
  ],
];
for (const [what, attack, message] of hostile) {
  Deno.test(`receiver: ${what} ends the transfer, told to the sender`, () =>
    withFolder(async (folder) => {
      await write(join(folder, "from"), { "a.bin": noise(2_000) });
      const manifest = await describeFolder(join(folder, "from"));
      const ends = await linkedPeers();
      const receiver = new FileReceiver(ends.worker.link, {
        ...TRANSFER,
        manifest,
        folder: join(folder, "files"),
        partsFolder: join(folder, "parts"),
      });
      ends.worker.onData = (index, offset, bytes) => receiver.data(index, offset, bytes);
      attack(ends);
      await rejects(receiver.done, message);
      await receiver.closed;
      deepEqual(ends.client.types, ["transfer_want", "transfer_failed"]);
      ends.client.link.close("The test is over");
    }));
}

Deno.test("receiver: a sender that does not wait for credit is cut off before memory is", () =>
  withFolder(async (folder) => {
    await write(join(folder, "from"), { "a.bin": noise(2_000) });
    const [entry] = (await describeFolder(join(folder, "from"))).files;
    if (entry === undefined) throw new Error("Expected a file");
    const ends = await linkedPeers();
    const never = Promise.withResolvers<void>();
    const receiver = new FileReceiver(ends.worker.link, {
      ...TRANSFER,
      manifest: { files: [{ ...entry, bytes: 100 * MIB }] },
      folder: join(folder, "files"),
      partsFolder: join(folder, "parts"),
      ready: never.promise,
    });
    for (let at = 0; at <= WINDOW_BYTES; at += MIB) receiver.data(0, at, noise(MIB));
    await rejects(receiver.done, /Expected the sender to wait for credit/);
    never.resolve();
    await receiver.closed;
    ends.client.link.close("The test is over");
  }));

Deno.test("sender: wants that are senseless end the transfer, told to the receiver", () =>
  withFolder(async (folder) => {
    await write(folder, { "a.bin": noise(2_000) });
    const manifest = await describeFolder(folder);
    const ends = await linkedPeers();
    const sender = new FileSender(ends.client.link, {
      ...TRANSFER,
      manifest,
      pathOf: () => join(folder, "a.bin"),
    });
    const files = Array.from({ length: 50 }, () => ({ index: 0, offset: 0 }));
    sender.receive({ type: "transfer_want", job_id: JOB, purpose: "inputs", files });
    await rejects(sender.done, /wants 50 files of 1/);
    ends.client.link.close("The test is over");
  }));

Deno.test("sender: a word about another transfer is not for it", () =>
  withFolder(async (folder) => {
    const ends = await linkedPeers();
    const sender = new FileSender(ends.client.link, {
      ...TRANSFER,
      manifest: { files: [] },
      pathOf: () => folder,
    });
    sender.receive({ type: "transfer_done", job_id: JOB, purpose: "results" });
    sender.end(new Error("Still open"));
    await rejects(sender.done, /Still open/);
    ends.client.link.close("The test is over");
  }));

Deno.test("transfer: a link that is over before it begins ends both sides without a throw", () =>
  withFolder(async (folder) => {
    const ends = await linkedPeers();
    ends.client.link.close("Gone");
    const sender = new FileSender(ends.client.link, {
      ...TRANSFER,
      manifest: { files: [] },
      pathOf: () => folder,
    });
    sender.end(new Error("The link closed"));
    await rejects(sender.done, /The link closed/);
  }));
