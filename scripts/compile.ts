/**
 * Makes the one binary: `deno task compile [--target TRIPLE] [--output FILE]`. Knows what goes into
 * it and what stays out, not what it does. `DENORT_BIN` names a runtime to use instead of the one
 * that `deno compile` downloads.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { z } from "zod";
import { SOFTWARE_VERSION } from "../lib/protocol/version.ts";
import { V8_FLAGS } from "./lab/v8_flags.ts";

/**
 * What the program may do at most: permissions are fixed here, and each subcommand drops at start
 * what it does not need. `--allow-import` is absent: no code is ever fetched.
 */
const PERMISSIONS = [
  "--allow-env",
  "--allow-ffi",
  "--allow-net",
  "--allow-read",
  "--allow-run",
  "--allow-sys",
  "--allow-write",
  "--no-prompt",
];

/**
 * What npm packages bring along and nothing here loads, as folders in a version of a package. The
 * runtime reads the whole file at start: leaving out 58 MB takes `--help` from about 140 ms to 86 ms.
 */
const UNUSED: Readonly<Record<string, readonly string[]>> = {
  // Copies of one WebAssembly module. What `/slim` loads and `dist/automerge.wasm` stay.
  "@automerge/automerge": [
    "dist/cjs",
    "dist/iife",
    "dist/mjs/wasm_bindgen_output/bundler",
    "dist/mjs/wasm_bindgen_output/nodejs",
    "dist/mjs/wasm_bindgen_output/workerd",
    "dist/mjs/wasm_bindgen_output/web/automerge_wasm_bg.wasm",
    "dist/mjs/wasm_bindgen_output/web/automerge_wasm_bg_base64.js",
  ],
  // The binary is linked with glibc, and so is the addon that it can load.
  "@node-datachannel/linux-arm64-musl": [""],
  "@node-datachannel/linux-x64-musl": [""],
  // For tests alone, with what they bring.
  "aws-sdk": [""],
  "classic-level": [""],
  "dynalite": [""],
  "fast-check": [""],
  "xml2js": [""],
  "h5wasm": ["dist/iife", "test"],
  "mediabunny": ["dist/bundles", "src"],
  // The sources of `lib/index.mjs`, once more.
  "werift": ["lib/dtls", "lib/ice", "lib/polyfill", "lib/rtp", "lib/webrtc"],
  "zod": ["src"],
};

const denoInfoSchema = z.object({ npmCache: z.string() });

/** The folder in which deno keeps npm packages: `<registry>/<package>/<version>`. */
async function findNpmCache(): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
    stdin: "null",
  }).output();
  if (!success) {
    throw new Error(`Expected \`deno info\` to succeed, got: ${new TextDecoder().decode(stderr)}`);
  }
  return denoInfoSchema.parse(JSON.parse(new TextDecoder().decode(stdout))).npmCache;
}

/** The paths of what is {@linkcode UNUSED}, for every registry and version in `npmCache`. */
export function unusedPaths(npmCache: string): string[] {
  const folders = (path: string): string[] =>
    existsSync(path)
      ? [...Deno.readDirSync(path)].filter((item) => item.isDirectory).map((item) =>
        join(path, item.name)
      )
      : [];
  const paths: string[] = [];
  for (const registry of folders(npmCache)) {
    for (const [name, parts] of Object.entries(UNUSED)) {
      for (const version of folders(join(registry, name))) {
        paths.push(...parts.map((part) => join(version, part)));
      }
    }
  }
  return paths.filter((path) => existsSync(path));
}

/** Where the binary for `target` goes. */
export function outputOf(target: string): string {
  const extension = target.includes("windows") ? ".exe" : "";
  return join("dist", `sleap-rtc-${SOFTWARE_VERSION}-${target}${extension}`);
}

/** Compiles `main.ts` into `output`. Returns the exit code of `deno compile`. */
async function compile(target: string, output: string): Promise<number> {
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--no-check", // Types are checked by `deno task ok`.
      ...PERMISSIONS,
      `--v8-flags=${V8_FLAGS}`,
      ...unusedPaths(await findNpmCache()).map((path) => `--exclude=${path}`),
      `--target=${target}`,
      `--output=${output}`,
      "main.ts",
    ],
    // Deno overflows its usual stack over this many packages.
    env: { RUST_MIN_STACK: String(32 * 1024 * 1024) },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return code;
}

if (import.meta.main) {
  const { target, output } = parseArgs({
    args: Deno.args,
    options: {
      target: { type: "string", default: Deno.build.target },
      output: { type: "string" },
    },
  }).values;
  process.chdir(join(import.meta.dirname ?? ".", ".."));
  process.exitCode = await compile(target, output ?? outputOf(target));
}
