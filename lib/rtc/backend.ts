/** Which WebRTC implementation is used on this machine. Knows how to load each, not how they work. */

import type { Log } from "../base/log.ts";
import type { BackendName, LinkBackend } from "./link.ts";
import { reasonOf } from "./link_life.ts";
import { loadNative } from "./native.ts";
import { loadWerift } from "./werift.ts";

/** What a user may ask for: `auto` takes the fastest that loads. */
export type BackendChoice = "auto" | BackendName;

/** How each backend is loaded. */
export type BackendLoaders = Readonly<Record<BackendName, () => Promise<LinkBackend>>>;

const LOADERS: BackendLoaders = { native: loadNative, werift: loadWerift };

/**
 * Loads the backend of choice and logs which one it is and why.
 *
 * @throws {Error} Where the choice is `native` and its addon does not load.
 */
export async function selectBackend(
  choice: BackendChoice,
  log: Log,
  loaders: BackendLoaders = LOADERS,
): Promise<LinkBackend> {
  switch (choice) {
    case "native":
      try {
        return chosen(await loaders.native(), "it was asked for", log);
      } catch (cause) {
        throw new Error(
          `Expected the native WebRTC addon to load, got: ${reasonOf(cause)}; ` +
            "use --rtc auto or --rtc werift, which run everywhere",
          { cause },
        );
      }
    case "werift":
      return chosen(await loaders.werift(), "it was asked for", log);
    case "auto":
      try {
        return chosen(await loaders.native(), "it is the fastest and it loads", log);
      } catch (error) {
        const why = `the native addon does not load: ${reasonOf(error)}`;
        return chosen(await loaders.werift(), why, log);
      }
    default:
      return choice satisfies never;
  }
}

function chosen(backend: LinkBackend, why: string, log: Log): LinkBackend {
  log.write("info", `Links use the ${backend.name} WebRTC backend`, { rtc: backend.name, why });
  return backend;
}
