import assert from "node:assert/strict";
import { connectionsWithin, openFilesMax, openFilesOf } from "../../signaling/open_files.ts";

Deno.test("open files: as many connections as are wanted, or as the system allows beside the rest", () => {
  const table: [openFiles: number | undefined, taken: number][] = [
    [undefined, 12_000],
    [524_288, 12_000],
    [12_256, 12_000],
    [4_096, 3_840],
    [1_024, 768],
    [120, 60],
    [1, 1],
  ];
  for (const [openFiles, taken] of table) {
    assert.equal(connectionsWithin(openFiles, 12_000), taken, String(openFiles));
  }
});

Deno.test("open files: the limit is read where the system tells it", async () => {
  const text =
    "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024     4096     files\n";
  assert.equal(openFilesOf(text), 1_024);
  assert.equal(
    openFilesOf("Max open files            unlimited            unlimited            files"),
    undefined,
  );
  assert.equal(openFilesOf(""), undefined);
  assert.equal((await openFilesMax() ?? 0) > 0, Deno.build.os === "linux");
});
