/** Files from one peer to another over a link in memory, with real files at both ends. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { describeFolder, sha256Of, sha256OfBytes } from "../../lib/runtime/file_digest.ts";
import { FileReceiver } from "../../lib/runtime/file_receiver.ts";
import { FileSender } from "../../lib/runtime/file_sender.ts";
import { BLOCK_BYTES } from "../../lib/transfer/block.ts";
import { WINDOW_BYTES } from "../../lib/transfer/credit_window.ts";
import { until, withFolder } from "./condition.ts";
import { linkedPeers } from "./linked_peers.ts";
import {
  begin,
  JOB,
  MIB,
  names,
  noise,
  outcome,
  TRANSFER,
  type Transfer,
  write,
} from "./transfer_scene.ts";

const cases: [string, Record<string, Uint8Array>][] = [
  ["no bytes", { "empty.txt": noise(0) }],
  ["one byte", { one: noise(1) }],
  ["3 MiB", { "big.bin": noise(3 * MIB) }],
  ["one block", { "block.bin": noise(BLOCK_BYTES) }],
  ["three blocks, and a byte more", { "big.bin": noise(3 * BLOCK_BYTES + 1) }],
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
      const told: [number, number][] = [];
      const receive = { progress: (...progress: [number, number]) => void told.push(progress) };
      const transfer = await begin(manifest, { from, to, receive });
      deepEqual(await outcome(transfer), ["done", "done"]);
      deepEqual(await describeFolder(join(to, "files")), manifest);
      deepEqual(await names(join(to, "parts")), []);
      const bytesMax = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
      deepEqual(told.at(-1), [bytesMax, bytesMax]);
      const sizes = new Map(manifest.files.map(({ sha256, bytes }) => [sha256, bytes]));
      equal(transfer.arrived(), sizes.values().reduce((sum, bytes) => sum + bytes, 0));
    }));
}

Deno.test("transfer: a link that closes in the middle costs at most a block", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    const bytes = 3 * BLOCK_BYTES;
    await write(from, { "a.bin": noise(100_000), "big.bin": noise(bytes) });
    const manifest = await describeFolder(from);
    let arrivedBefore = 0;
    const cut = await begin(manifest, {
      from,
      to,
      onCredit: (receivedBytes, { worker }) => {
        if (receivedBytes < 1.5 * BLOCK_BYTES) return;
        arrivedBefore ||= cut.arrived();
        worker.link.close("The cable is out");
      },
    });
    deepEqual(await outcome(cut), ["The link closed", "The link closed"]);
    deepEqual(await names(join(to, "files")), ["a.bin"]);
    const digest = manifest.files[1]?.sha256;
    deepEqual(await names(join(to, "parts")), [`${digest}.blocks`, `${digest}.part`]);

    const resumed = await begin(manifest, { from, to });
    deepEqual(await outcome(resumed), ["done", "done"]);
    const again = cut.arrived() + resumed.arrived() - bytes - 100_000;
    ok(again >= 0 && again <= BLOCK_BYTES, `${again} bytes again`);
    ok(resumed.arrived() < bytes, `${resumed.arrived()} bytes in the second transfer`);
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
    match(
      received,
      /^Expected a.bin with SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}; see that nothing/,
    );
    deepEqual([await names(join(to, "files")), await names(join(to, "parts"))], [[], []]);
    await rejects(transfer.receiver.done, { kind: "corrupt" });
  }));

Deno.test("transfer: a byte that changes on its way costs its block, and no more", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    const bytes = 3 * BLOCK_BYTES;
    await write(from, { "big.bin": noise(bytes), "small.bin": noise(2_000, 2) });
    const manifest = await describeFolder(from);
    const bad = new Set(["0 " + (BLOCK_BYTES + 7 * 1_011), "1 0"]);
    let flipped = 0;
    const transfer = await begin(manifest, {
      from,
      to,
      onData: (index, offset, data) => {
        const isBad = [...bad].some((name) => {
          const [file, at] = name.split(" ").map(Number);
          return file === index && at !== undefined && offset <= at && at < offset + data.length &&
            bad.delete(name);
        });
        if (!isBad) return data;
        flipped++;
        return data.map((byte, at) => at === 0 ? byte ^ 1 : byte);
      },
    });
    deepEqual(await outcome(transfer), ["done", "done"]);
    equal(flipped, 2);
    equal(transfer.arrived(), bytes + 2_000 + BLOCK_BYTES + 2_000);
    deepEqual(await describeFolder(join(to, "files")), manifest);
  }));

Deno.test("transfer: a block that is wrong each time ends it, and the right ones are kept", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "big.bin": noise(2 * BLOCK_BYTES) });
    const manifest = await describeFolder(from);
    const transfer = await begin(manifest, {
      from,
      to,
      onData: (_index, offset, data) => offset === 0 ? data.map((byte) => byte ^ 1) : data,
    });
    match((await outcome(transfer))[0], /gave up: Expected block 0 of big.bin with SHA-256/);
    equal(transfer.arrived(), 4 * BLOCK_BYTES, "three times the one, once the other");
    const resumed = await begin(manifest, { from, to });
    deepEqual(await outcome(resumed), ["done", "done"]);
    equal(resumed.arrived(), BLOCK_BYTES);
  }));

Deno.test("transfer: files that are in their place already are not sent", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a/same.bin": noise(5_000), "other.bin": noise(5_000, 2) });
    const manifest = await describeFolder(from);
    await write(join(to, "files"), { "a/same.bin": noise(5_000), "other.bin": noise(5_000, 3) });
    const transfer = await begin(manifest, { from, to });
    deepEqual(await outcome(transfer), ["done", "done"]);
    equal(transfer.arrived(), 5_000);
    deepEqual(await describeFolder(join(to, "files")), manifest);
  }));

Deno.test("transfer: two thousand small files cost one question, and no answer each", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    const files = Array.from(
      { length: 2_000 },
      (_, at) => [`${at % 10}/${at}.bin`, noise(100, at + 1)] as const,
    );
    await write(from, Object.fromEntries(files));
    const manifest = await describeFolder(from);
    const transfer = await begin(manifest, { from, to });
    deepEqual(await outcome(transfer), ["done", "done"]);
    deepEqual(await describeFolder(join(to, "files")), manifest);
    const asked = transfer.ends.client.types.filter((type) => type === "transfer_want");
    equal(asked.length, 1);
    ok(transfer.ends.client.types.length < 20, `${transfer.ends.client.types.length} answers`);
    deepEqual(transfer.ends.worker.types, ["transfer_offer"]);
  }));

Deno.test("transfer: two at once of the same bytes do not write into the same part", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "big.bin": noise(2 * BLOCK_BYTES) });
    const manifest = await describeFolder(from);
    const other = { folder: join(to, "other"), partsFolder: join(to, "parts") };
    const both = await Promise.all([
      begin(manifest, { from, to }),
      begin(manifest, { from, to, receive: other }),
    ]);
    deepEqual(await Promise.all(both.map(outcome)), [["done", "done"], ["done", "done"]]);
    for (const place of ["files", "other"]) {
      deepEqual(await describeFolder(join(to, place)), manifest);
    }
    deepEqual(await names(join(to, "parts")), []);
  }));

for (const which of ["sender", "receiver"] as const) {
  Deno.test(`transfer: where nothing comes any more, the ${which} closes the link`, () =>
    withFolder(async (folder) => {
      const [from, to] = [join(folder, "from"), join(folder, "to")];
      await write(from, { "big.bin": noise(2 * BLOCK_BYTES) });
      const transfer = await begin(await describeFolder(from), {
        from,
        to,
        onData: (_index, offset, data) => offset < MIB ? data : undefined,
        [which === "sender" ? "send" : "receive"]: { lookEveryMs: 10 },
      });
      deepEqual(await outcome(transfer), ["The link closed", "The link closed"]);
      const end = which === "sender" ? transfer.ends.client : transfer.ends.worker;
      equal(end.closedBecause, "The transfer made no progress for 0.03 s");
    }));
}

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
    /Expected byte 0 of file 0, a.bin, got byte 7 of file 0/,
  ],
  [
    "data of a file that was not promised",
    ({ client }) => client.link.sendData(9, 0, noise(1)),
    /got byte 0 of file 9/,
  ],
  [
    "more data than was promised",
    ({ client }) => client.link.sendData(0, 0, noise(3_000)),
    /Expected 2000 bytes of block 0 of a.bin/,
  ],
  [
    "a digest of no block",
    ({ client }) =>
      client.say({
        type: "transfer_block",
        job_id: JOB,
        purpose: "inputs",
        index: 0,
        block: 0,
        sha256: sha256Of("0".repeat(64)),
      }),
    /Expected the digest of the block before it, got one of block 0 of file 0/,
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
      ends.worker.onMessage = (message) => {
        if (message.type === "transfer_block") receiver.receive(message);
      };
      await until("the question", () => ends.client.types.includes("transfer_want"));
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
    const receiver = new FileReceiver(ends.worker.link, {
      ...TRANSFER,
      manifest: { files: [{ ...entry, bytes: 100 * MIB }] },
      folder: join(folder, "files"),
      partsFolder: join(folder, "parts"),
    });
    await until("the question", () => ends.client.types.includes("transfer_want"));
    const sha256 = sha256OfBytes(new Uint8Array(BLOCK_BYTES));
    for (let at = 0; at <= 2 * WINDOW_BYTES; at += MIB) {
      receiver.data(0, at, new Uint8Array(MIB));
      if ((at + MIB) % BLOCK_BYTES !== 0) continue;
      const block = Math.floor(at / BLOCK_BYTES);
      const digest = { type: "transfer_block", index: 0, block, sha256 } as const;
      receiver.receive({ ...digest, job_id: JOB, purpose: "inputs" });
    }
    await rejects(receiver.done, /Expected the sender to wait for credit/);
    await receiver.closed;
    ends.client.link.close("The test is over");
  }));

const senseless = [
  [{ index: 7, first: 0, count: 1 }, /got blocks 0 to 0 of file 7/],
  [{ index: 0, first: 1, count: 1 }, /got blocks 1 to 1 of file 0/],
  [{ index: 0, first: 0, count: 2 ** 40 }, /of file 0/],
] as const;
for (const [run, message] of senseless) {
  Deno.test(`sender: a want of ${JSON.stringify(run)} ends the transfer`, () =>
    withFolder(async (folder) => {
      await write(folder, { "a.bin": noise(2_000) });
      const manifest = await describeFolder(folder);
      const ends = await linkedPeers();
      const sender = new FileSender(ends.client.link, {
        ...TRANSFER,
        manifest,
        pathOf: () => join(folder, "a.bin"),
      });
      sender.receive({ type: "transfer_want", job_id: JOB, purpose: "inputs", runs: [run] });
      await rejects(sender.done, message);
      ends.client.link.close("The test is over");
      await sender.closed;
    }));
}

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
