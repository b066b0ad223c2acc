/** Makes Automerge ready for a test process, once, from the package's own WebAssembly file. */

import { fileURLToPath } from "node:url";
import { initializeAutomerge } from "../../lib/mesh/automerge.ts";

let ready: Promise<void> | undefined;

/** Makes Automerge ready. Calling it again waits for the first. */
export function automergeReady(): Promise<void> {
  ready ??= Deno.readFile(
    fileURLToPath(import.meta.resolve("@automerge/automerge/automerge.wasm")),
  ).then(initializeAutomerge);
  return ready;
}
