/** Archives, honest and hostile: what comes out of each, and that nothing stands outside. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { ENTRIES_MAX } from "../../../lib/runtime/archive/directory_place.ts";
import { type ArchiveFault, ArchiveRefused } from "../../../lib/runtime/archive/refusal.ts";
import { unpackZip } from "../../../lib/runtime/archive/unpacking.ts";
import { HOSTILE_NAMES, TWIN_NAMES } from "../../protocol/hostile_names.ts";
import { withFolder } from "../condition.ts";
import { bytesOf, field64, joined, type MadeArchive, makeZip, numbers } from "./zip_maker.ts";

const SOME = bytesOf("some labels, some labels, some labels");
const LINK = 0o120777 * 2 ** 16;
const LARGE = 0xffffffff;

/** Unpacks `bytes`; gives the files that stand then, or why it was refused. */
async function outcomeOf(
  bytes: Uint8Array,
): Promise<{ files: Record<string, string> } | { refused: ArchiveRefused }> {
  let outcome: { files: Record<string, string> } | { refused: ArchiveRefused } = { files: {} };
  await withFolder(async (folder) => {
    const path = join(folder, "given.zip");
    await Deno.writeFile(path, bytes);
    const target = join(folder, "target");
    await Deno.mkdir(target);
    try {
      await unpackZip(path, target);
      outcome = { files: await textsBelow(target) };
    } catch (refused) {
      if (!(refused instanceof ArchiveRefused)) throw refused;
      outcome = { refused };
    }
    const beside = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    deepEqual(beside.toSorted(), ["given.zip", "target"]);
  });
  return outcome;
}

async function textsBelow(folder: string, prefix = ""): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for await (const entry of Deno.readDir(join(folder, prefix))) {
    const name = `${prefix}${entry.name}`;
    if (entry.isDirectory) Object.assign(texts, await textsBelow(folder, `${name}/`));
    else texts[name] = await Deno.readTextFile(join(folder, name));
  }
  return texts;
}

const text = new TextDecoder().decode(SOME);
const honest: [string, MadeArchive, Record<string, string>][] = [
  ["nothing", { entries: [] }, {}],
  ["deflated and stored", {
    entries: [{ name: "a.slp", data: SOME }, { name: "b/c.yaml", data: SOME, isStored: true }],
  }, { "a.slp": text, "b/c.yaml": text }],
  ["folders and an empty file", { entries: [{ name: "b/" }, { name: "b/empty" }] }, {
    "b/empty": "",
  }],
  ["folders after their files", {
    entries: [{ name: "b/c", data: SOME }, { name: "b/" }],
  }, { "b/c": text }],
  ["a comment, and one that looks like an end", {
    entries: [{ name: "a", data: SOME }],
    comment: joined(bytesOf("by hand "), numbers([0x06054b50, 4], [0, 4])),
  }, { a: text }],
  ["a program in front of it", {
    before: bytesOf("#!/bin/sh\nexit\n"),
    entries: [{ name: "a", data: SOME }],
  }, { a: text }],
  ["ZIP64", {
    zip64: {},
    entries: [{
      name: "a",
      data: SOME,
      isStored: true,
      bytes: LARGE,
      packedBytes: LARGE,
      extra: field64(SOME.length, SOME.length),
    }],
  }, { a: text }],
  ["another field besides", {
    entries: [{ name: "a", data: SOME, extra: numbers([0x5455, 2], [5, 2], [0, 5]) }],
  }, { a: text }],
  ["a name without the flag for UTF-8", {
    entries: [{ name: "été.slp", data: SOME, flags: 0 }],
  }, { "été.slp": text }],
  ["an archive within, which stays packed", {
    entries: [{ name: "inner.zip", data: bytesOf("PK\x03\x04 not opened") }],
  }, { "inner.zip": "PK\x03\x04 not opened" }],
  ["attributes of Unix and of DOS", {
    entries: [
      { name: "a", data: SOME, attributes: 0o100644 * 2 ** 16 + 0x20 },
      { name: "d/", attributes: 0o040755 * 2 ** 16 + 0x10 },
    ],
  }, { a: text }],
];
for (const [what, archive, files] of honest) {
  Deno.test(`an archive is unpacked: ${what}`, async () => {
    deepEqual(await outcomeOf(makeZip(archive)), { files });
  });
}

const one = { name: "a", data: SOME };
const noughts = new Uint8Array(64 * 1024 ** 2);
const bomb = new Uint8Array(deflateRawSync(noughts));
const hostile: [string, MadeArchive | Uint8Array, ArchiveFault][] = [
  ["an empty file", new Uint8Array(), "damaged"],
  ["noughts", new Uint8Array(1_000), "damaged"],
  ["a bomb", { entries: [{ name: "a", data: noughts }] }, "too_large"],
  ["a bomb that says it is small", {
    entries: [{ name: "a", packed: bomb, method: 8, bytes: 1_000, crc32: 0 }],
  }, "too_large"],
  ["a bomb that says it was heavy", {
    entries: [{ name: "a", packed: bomb, method: 8, bytes: 64 * 1024 ** 2, packedBytes: 2 ** 30 }],
  }, "overlap"],
  ["many small bombs", {
    entries: Array.from({ length: 40 }, (_, index) => ({
      name: `${index}`,
      data: noughts.subarray(0, 1024 ** 2),
    })),
  }, "too_large"],
  ["more bytes than there are disks", {
    entries: [{
      name: "a",
      bytes: LARGE,
      packedBytes: LARGE,
      extra: field64(2 ** 50, 2 ** 50),
    }],
  }, "too_large"],
  ["more bytes than numbers", {
    entries: [{
      name: "a",
      bytes: LARGE,
      extra: joined(numbers([1, 2], [8, 2]), new Uint8Array(8).fill(0xff)),
    }],
  }, "too_large"],
  ["too many entries", {
    entries: Array.from({ length: ENTRIES_MAX + 1 }, (_, index) => ({ name: `${index}` })),
  }, "too_large"],
  [
    "two entries over one another",
    { entries: [one, { name: "b", data: SOME, offset: 0 }] },
    "overlap",
  ],
  ["an entry within another", { entries: [one, { name: "b", data: SOME, offset: 10 }] }, "overlap"],
  ["an entry over the table", {
    entries: [{ ...one, isStored: true, packedBytes: 500, bytes: 500 }],
  }, "overlap"],
  ["an entry behind the table", { entries: [{ ...one, offset: 10_000 }] }, "overlap"],
  ["one name twice", { entries: [one, one] }, "overlap"],
  ["a file that is a folder, too", { entries: [one, { name: "a/b", data: SOME }] }, "overlap"],
  ["a folder that is a file, too", { entries: [{ name: "a/b", data: SOME }, one] }, "overlap"],
  [
    "a link",
    { entries: [{ name: "a", data: bytesOf("/etc/passwd"), attributes: LINK }] },
    "not_a_file",
  ],
  ["a link, and a file through it", {
    entries: [
      { name: "a", data: bytesOf("/tmp"), attributes: LINK },
      { name: "a/b", data: SOME },
    ],
  }, "not_a_file"],
  [
    "a link that says it is a folder",
    { entries: [{ name: "a/", attributes: LINK }] },
    "not_a_file",
  ],
  ...([
    ["a pipe", 0o010644],
    ["a character device", 0o020644],
    ["a block device", 0o060644],
    [
      "a socket",
      0o140644,
    ],
    ["a folder called a file", 0o040755],
    ["no known kind", 0o150000],
  ] as const)
    .map(([what, mode]): [string, MadeArchive, ArchiveFault] => [
      what,
      { entries: [{ ...one, attributes: mode * 2 ** 16 }] },
      "not_a_file",
    ]),
  ["a reparse point", { entries: [{ ...one, attributes: 0x400 }] }, "not_a_file"],
  ["a wrong checksum", { entries: [{ ...one, crc32: 1 }] }, "checksum"],
  ["fewer bytes than it says", { entries: [{ ...one, bytes: SOME.length + 1 }] }, "checksum"],
  ["more bytes than it says", { entries: [{ ...one, bytes: SOME.length - 1 }] }, "too_large"],
  ["other bytes, stored", { entries: [{ ...one, isStored: true, crc32: 7 }] }, "checksum"],
  ["stored with two sizes", { entries: [{ ...one, isStored: true, bytes: 1 }] }, "damaged"],
  [
    "what does not inflate",
    { entries: [{ ...one, packed: bytesOf("not deflated at all") }] },
    "damaged",
  ],
  ["something behind the deflated bytes", {
    entries: [{ ...one, packed: joined(new Uint8Array(deflateRawSync(SOME)), bytesOf("more")) }],
  }, "damaged"],
  ["deflated bytes without their end", {
    entries: [{ ...one, packed: new Uint8Array(deflateRawSync(SOME)).subarray(0, -3) }],
  }, "checksum"],
  ["encrypted", { entries: [{ ...one, flags: 0x0801 }] }, "unsupported"],
  ["strongly encrypted", { entries: [{ ...one, flags: 0x0841 }] }, "unsupported"],
  ["with a masked table", { entries: [{ ...one, flags: 0x2800 }] }, "unsupported"],
  ["a patch", { entries: [{ ...one, flags: 0x0820 }] }, "unsupported"],
  ...[1, 6, 9, 12, 14, 93, 95, 97, 98, 99].map((method): [string, MadeArchive, ArchiveFault] => [
    `packed by method ${method}`,
    { entries: [{ ...one, method }] },
    "unsupported",
  ]),
  ["in several parts", { entries: [one], endDisk: 1 }, "unsupported"],
  ["with entries elsewhere", { entries: [one], endEntriesHere: 0 }, "unsupported"],
  ["another name at its own place", { entries: [{ ...one, localName: "b" }] }, "damaged"],
  ["a climbing name at its own place", { entries: [{ ...one, localName: "../a" }] }, "damaged"],
  ["other flags at its own place", { entries: [{ ...one, localFlags: 1 }] }, "damaged"],
  ["a second name", {
    entries: [{
      ...one,
      extra: joined(numbers([0x7075, 2], [6, 2], [1, 1], [0, 4]), bytesOf("b")),
    }],
  }, "name"],
  [
    "a name that is not UTF-8",
    { entries: [{ name: Uint8Array.of(0xc3, 0x28), data: SOME }] },
    "name",
  ],
  ["a name with an overlong slash", {
    entries: [{ name: Uint8Array.of(0x2e, 0x2e, 0xc0, 0xaf, 0x61), data: SOME }],
  }, "name"],
  ["more entries than rows", { entries: [one], endEntries: 2 }, "damaged"],
  ["fewer entries than rows", { entries: [one, { ...one, name: "b" }], endEntries: 1 }, "damaged"],
  ["a table elsewhere", { entries: [one], endOffset: 0 }, "damaged"],
  ["a table behind the end", { entries: [one], endOffset: 100_000 }, "damaged"],
  ["a longer table", { entries: [one], endBytes: 1_000 }, "damaged"],
  ["something between table and end", { entries: [one], betweenTableAndEnd: SOME }, "damaged"],
  ["something behind the end", { entries: [one], after: SOME }, "damaged"],
  ["a second archive behind", { entries: [one], after: bytesOf("PK\x05\x06") }, "damaged"],
  ["ZIP64 with another number of entries", { entries: [one], zip64: {}, endEntries: 2 }, "damaged"],
  ["ZIP64 with another table", { entries: [one], zip64: {}, endOffset: 7 }, "damaged"],
  ["ZIP64 that says more entries", { entries: [one], zip64: { entries: 2 } }, "damaged"],
  ["ZIP64 that says endless entries", { entries: [one], zip64: { entries: 2 ** 40 } }, "too_large"],
  ["ZIP64 with a table elsewhere", { entries: [one], zip64: { offset: 2 ** 40 } }, "damaged"],
  ["a ZIP64 size that is missing", { entries: [{ ...one, bytes: LARGE }] }, "damaged"],
  ["a ZIP64 size that is cut", {
    entries: [{ ...one, bytes: LARGE, extra: numbers([1, 2], [4, 2], [0, 4]) }],
  }, "damaged"],
  ["two ZIP64 sizes", {
    entries: [{ ...one, bytes: LARGE, extra: joined(field64(1), field64(2)) }],
  }, "damaged"],
  ["a folder with bytes", { entries: [{ name: "a/", data: SOME, isStored: true }] }, "damaged"],
];
for (const [what, archive, fault] of hostile) {
  Deno.test(`an archive is refused: ${what}`, async () => {
    const bytes = archive instanceof Uint8Array ? archive : makeZip(archive);
    const outcome = await outcomeOf(bytes);
    ok("refused" in outcome, "it was unpacked");
    equal(outcome.refused.fault, fault, outcome.refused.message);
  });
}

Deno.test("no hostile name is unpacked, nor repeated on the screen", async () => {
  for (const name of Object.values(HOSTILE_NAMES).flat()) {
    // A slash at the end is a folder's, and what a lone surrogate becomes in UTF-8 is another name.
    if (name.endsWith("/") || !name.isWellFormed() || name.length > 60_000) continue;
    const outcome = await outcomeOf(makeZip({ entries: [{ name, data: SOME }] }));
    ok("refused" in outcome, JSON.stringify(name));
    equal(outcome.refused.fault, "name", JSON.stringify(name));
  }
});

Deno.test("names that are one on some system are not unpacked together", async () => {
  for (const [first, second] of TWIN_NAMES) {
    const entries = [{ name: first, data: SOME }, { name: second, data: SOME }];
    const outcome = await outcomeOf(makeZip({ entries }));
    ok("refused" in outcome, JSON.stringify([first, second]));
    equal(outcome.refused.fault, "overlap");
  }
});

Deno.test("an archive that is cut anywhere is refused", async () => {
  const whole = makeZip({ entries: [one, { name: "b", data: SOME, isStored: true }] });
  for (let length = 0; length < whole.length; length += 7) {
    ok("refused" in await outcomeOf(whole.subarray(0, length)), `${length} bytes`);
  }
});

Deno.test("no flipped bit brings another file about, or one that is not whole", async () => {
  const whole = makeZip({ entries: [one, { name: "b", data: SOME, isStored: true }] });
  for (let at = 0; at < whole.length; at += 3) {
    const flipped = whole.slice();
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    const outcome = await outcomeOf(flipped);
    if ("refused" in outcome) continue;
    // What is unpacked all the same has the bytes that were packed, whatever it is called now.
    for (const content of Object.values(outcome.files)) equal(content, text, `byte ${at}`);
  }
});
