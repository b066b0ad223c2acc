/** What a worker's cache keeps, lends and gives up. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { FileEntry } from "../../lib/protocol/manifest.ts";
import { FileCache } from "../../lib/runtime/file_cache.ts";
import { describeFolder, sha256OfBytes } from "../../lib/runtime/file_digest.ts";
import { BLOCK_BYTES } from "../../lib/transfer/block.ts";
import { withFolder } from "./condition.ts";
import { mounted, unmount } from "./small_disk.ts";
import { begin, names, noise, outcome, write } from "./transfer_scene.ts";

const beat = () => {};

/** Writes a file of that many bytes, and gives its entry. */
async function fileOf(folder: string, path: string, bytes: number): Promise<FileEntry> {
  const data = noise(bytes, bytes);
  await write(folder, { [path]: data });
  return { path, bytes, sha256: sha256OfBytes(data) };
}

/** Which of `entries` a new life of the cache has. */
async function kept(cache: FileCache, entries: readonly FileEntry[]): Promise<boolean[]> {
  return await Promise.all(entries.map((entry) => cache.has(entry)));
}

Deno.test("cache: what is kept is lent, also by the next life of the worker", () =>
  withFolder(async (folder) => {
    const entry = await fileOf(folder, "a", 1_000);
    await new FileCache(join(folder, "cache"), 10_000).keep(entry, join(folder, "a"), 0);
    const cache = new FileCache(join(folder, "cache"), 10_000);
    equal(await cache.lend(entry, join(folder, "copy"), beat), true);
    deepEqual(await Deno.readFile(join(folder, "copy")), noise(1_000, 1_000));
    equal(await cache.lend({ ...entry, bytes: 999 }, join(folder, "no"), beat), false);
  }));

Deno.test("cache: what a job writes into its copy does not reach the cache", () =>
  withFolder(async (folder) => {
    const entry = await fileOf(folder, "a", 1_000);
    const cache = new FileCache(join(folder, "cache"), 10_000);
    await cache.keep(entry, join(folder, "a"), 0);
    for (const path of ["a", "copy"]) {
      await Deno.writeFile(join(folder, path), noise(10), { append: true });
    }
    equal(await cache.lend(entry, join(folder, "copy"), beat), true);
    deepEqual(await Deno.readFile(join(folder, "copy")), noise(1_000, 1_000));
  }));

Deno.test("cache: the file that was used longest ago goes first, over two lives", () =>
  withFolder(async (folder) => {
    const entries = await Promise.all(
      [100, 200, 300].map((bytes) => fileOf(folder, String(bytes), bytes)),
    );
    const [first, second, third] = entries;
    if (first === undefined || second === undefined || third === undefined) throw new Error();
    const before = new FileCache(join(folder, "cache"), 450);
    await before.keep(first, join(folder, "100"), 0);
    await before.keep(second, join(folder, "200"), 0);
    const past = new Date(Date.now() - 60_000);
    await Deno.utime(join(folder, "cache", second.sha256), past, past);
    const cache = new FileCache(join(folder, "cache"), 450);
    await cache.keep(third, join(folder, "300"), 0);
    deepEqual(await kept(cache, entries), [true, false, true]);
    equal(await cache.lend(first, join(folder, "copy"), beat), true);
    await cache.keep(second, join(folder, "200"), 0);
    deepEqual(await kept(cache, entries), [true, true, false]);
    equal((await names(join(folder, "cache"))).length, 2);
  }));

Deno.test("cache: a file above its quota, or for which the disk has no room, is not kept", () =>
  withFolder(async (folder) => {
    const entry = await fileOf(folder, "a", 1_000);
    const cache = new FileCache(join(folder, "cache"), 999);
    await cache.keep(entry, join(folder, "a"), 0);
    equal(await cache.has(entry), false);
    const roomy = new FileCache(join(folder, "cache"), 10_000);
    await roomy.keep(entry, join(folder, "a"), 1e18);
    equal(await roomy.has(entry), false);
  }));

Deno.test("cache: files that changed are neither kept nor lent", () =>
  withFolder(async (folder) => {
    const entry = await fileOf(folder, "a", 1_000);
    const cache = new FileCache(join(folder, "cache"), 10_000);
    await write(folder, { b: noise(1_000, 5) });
    await cache.keep(entry, join(folder, "b"), 0);
    deepEqual(await names(join(folder, "cache")), []);
    await cache.keep(entry, join(folder, "a"), 0);
    await write(folder, { [`cache/${entry.sha256}`]: noise(1_000, 5) });
    equal(await cache.lend(entry, join(folder, "copy"), beat), false);
    deepEqual(await names(join(folder, "cache")), []);
  }));

Deno.test("cache: what a crash cut off is removed, and strange files are left alone", () =>
  withFolder(async (folder) => {
    const entry = await fileOf(folder, "a", 1_000);
    await write(folder, { [`cache/${entry.sha256}.0.new`]: noise(7), "cache/notes.txt": noise(7) });
    await new FileCache(join(folder, "cache"), 10_000).has(entry);
    deepEqual(await names(join(folder, "cache")), ["notes.txt"]);
  }));

Deno.test("transfer: what the cache has is not sent, unless all is to be sent", () =>
  withFolder(async (folder) => {
    const from = join(folder, "from");
    await write(from, { "big.bin": noise(2 * BLOCK_BYTES), "small.bin": noise(900, 2) });
    const manifest = await describeFolder(from);
    const cache = new FileCache(join(folder, "cache"), 1e9);
    const bytes = 2 * BLOCK_BYTES + 900;
    const expected = [["first", bytes], ["second", 0], ["fresh", bytes]] as const;
    for (const [place, arrived] of expected) {
      const transfer = await begin(manifest, {
        from,
        to: join(folder, place),
        receive: place === "fresh" ? {} : { cache },
      });
      deepEqual(await outcome(transfer), ["done", "done"]);
      equal(transfer.arrived(), arrived, place);
      deepEqual(await describeFolder(join(folder, place, "files")), manifest);
      deepEqual(await names(join(folder, place, "parts")), []);
    }
  }));

Deno.test("transfer: files that this machine sees elsewhere are linked to, once they are checked", () =>
  withFolder(async (folder) => {
    const [from, to, share] = [join(folder, "from"), join(folder, "to"), join(folder, "share")];
    const files = { "same.bin": noise(900), "other.bin": noise(900, 2), "none.bin": noise(900, 3) };
    await write(from, files);
    await write(share, { ...files, "other.bin": noise(900, 4) });
    const { files: entries } = await describeFolder(from);
    const manifest = {
      files: entries.map((entry) => ({ ...entry, shared: { mount: "lab", path: entry.path } })),
    };
    const asked: string[] = [];
    const transfer = await begin(manifest, {
      from,
      to,
      receive: {
        locate: ({ shared }) => {
          asked.push(`${shared?.mount}:${shared?.path}`);
          const isKnown = shared !== undefined && shared.path !== "none.bin";
          return Promise.resolve(isKnown ? join(share, shared.path) : undefined);
        },
      },
    });
    deepEqual(await outcome(transfer), ["done", "done"]);
    deepEqual(asked.toSorted(), ["lab:none.bin", "lab:other.bin", "lab:same.bin"]);
    equal(transfer.arrived(), 2 * 900);
    equal(await Deno.readLink(join(to, "files", "same.bin")), join(share, "same.bin"));
    for (const [path, bytes] of Object.entries(files)) {
      deepEqual(await Deno.readFile(join(to, "files", path)), bytes);
    }
  }));

Deno.test("transfer: where the disk has no room, that is said in numbers before the first byte", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(2_000_000) });
    const manifest = await describeFolder(from);
    const transfer = await begin(manifest, { from, to, receive: { reserveBytes: 1e18 } });
    const [sent, received] = await outcome(transfer);
    match(received, /^Expected 2\.0 MB on the disk of .*files, and 1000000000000 MB/);
    match(received, /to spare, got \d+(\.\d)? MB; make room on it and send again$/);
    match(sent, /gave up: Expected 2\.0 MB/);
    equal(transfer.arrived(), 0);
    await rejects(transfer.receiver.done, { kind: "job_refused" });
  }));

Deno.test("transfer: a disk that fills up is named, nothing is lost, and it goes on when there is room", async (test) => {
  await withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "big.bin": noise(3 * BLOCK_BYTES) });
    await Deno.mkdir(to);
    if (!await mounted(to, "13m")) return;
    try {
      await test.step("on a small disk", async () => {
        const manifest = await describeFolder(from);
        let isFilled = false;
        const full = await begin(manifest, {
          from,
          to,
          onData: (_index, offset, data) => {
            if (!isFilled && offset >= BLOCK_BYTES) {
              isFilled = true;
              Deno.writeFileSync(join(to, "of others"), new Uint8Array(4 * 1024 * 1024));
            }
            return data;
          },
        });
        const [sent, received] = await outcome(full);
        match(received, /^The disk of .*parts is full: .* are free; make room on it/);
        match(sent, /gave up: The disk of/);
        await Deno.remove(join(to, "of others"));
        const resumed = await begin(manifest, { from, to });
        deepEqual(await outcome(resumed), ["done", "done"]);
        ok(resumed.arrived() <= 2 * BLOCK_BYTES, `${resumed.arrived()} bytes`);
        deepEqual(await describeFolder(join(to, "files")), manifest);
      });
    } finally {
      await unmount(to);
    }
  });
});

Deno.test("transfer: whole files of jobs that did not run are given up where the room is needed", () =>
  withFolder(async (folder) => {
    const [from, to] = [join(folder, "from"), join(folder, "to")];
    await write(from, { "a.bin": noise(2_000) });
    await Deno.mkdir(join(to, "parts"), { recursive: true });
    const whole = join(to, "parts", `${"b".repeat(64)}.whole`);
    const manifest = await describeFolder(from);
    for (const [reserveBytes, isKept] of [[0, true], [1e18, false]] as const) {
      await Deno.writeTextFile(whole, "of another job");
      await outcome(await begin(manifest, { from, to, receive: { reserveBytes } }));
      const names = (await Array.fromAsync(Deno.readDir(join(to, "parts")))).map(({ name }) =>
        name
      );
      equal(names.some((name) => name.endsWith(".whole")), isKept);
      await Deno.remove(join(to, "files"), { recursive: true });
    }
  }));
