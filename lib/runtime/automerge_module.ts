/** Finds Automerge's WebAssembly module and makes the library ready. */

import { initializeAutomerge } from "../mesh/automerge.ts";

/**
 * Makes Automerge ready. Twice does nothing.
 *
 * The package's default export embeds the module five times and dies in a bundle (TRAPS); read as a
 * file it takes a tenth of the time.
 */
export function loadAutomerge(): Promise<void> {
  loading ??= load();
  return loading;
}

let loading: Promise<void> | undefined;

async function load(): Promise<void> {
  const url = new URL(import.meta.resolve("@automerge/automerge/automerge.wasm"));
  await initializeAutomerge(await Deno.readFile(url));
}
