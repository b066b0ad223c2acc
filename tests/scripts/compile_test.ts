/** What is left out of the binary, and where the binary goes. */

import { deepEqual, match } from "node:assert/strict";
import { join } from "node:path";
import { outputOf, unusedPaths } from "../../scripts/compile.ts";
import { V8_FLAGS } from "../../scripts/lab/v8_flags.ts";

Deno.test("unusedPaths finds what is there, in every registry and version", async () => {
  const cache = await Deno.makeTempDir();
  try {
    const made = [
      "one.example/h5wasm/0.10.3/dist/iife",
      "one.example/h5wasm/0.10.4/dist/iife",
      "two.example/@node-datachannel/linux-x64-musl/0.33.4",
      "two.example/h5wasm/0.10.3/dist/esm",
      "two.example/zod/4.6.7/dist/iife",
    ];
    for (const path of made) await Deno.mkdir(join(cache, path), { recursive: true });
    const found = unusedPaths(cache).sort();
    deepEqual(
      found.map((path) => join(path)),
      made.slice(0, 3).map((path) => join(cache, path, "")),
    );
    deepEqual(unusedPaths(join(cache, "nowhere")), []);
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
});

Deno.test("outputOf names the version and the target", () => {
  match(outputOf("x86_64-unknown-linux-gnu"), /sleap-rtc-\d+\.\d+\.\d+-x86_64-unknown-linux-gnu$/);
  match(outputOf("x86_64-pc-windows-msvc"), /-x86_64-pc-windows-msvc\.exe$/);
});

Deno.test("what is measured runs by the flags that `deno task start` has", async () => {
  const { default: config } = await import("../../deno.json", { with: { type: "json" } });
  match(config.tasks.start, new RegExp(`--v8-flags=${V8_FLAGS} `));
});
