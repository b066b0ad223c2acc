/** Which folder may import which (ARCHITECTURE section 3). Knows paths only, not what is in them. */

import { type Fault, rule } from "./rule.ts";
import { isRelative, onMention, targetOf } from "./specifier.ts";

/**
 * What each layer may import besides itself. A layer that is not named here is nobody's to import.
 * Siblings (mesh, job, transfer) do not know of each other: what both need sinks.
 */
const BELOW = {
  "main": ["lib/cli"],
  "lib/cli": [
    "lib/client",
    "lib/runtime",
    "lib/rtc",
    "lib/mesh",
    "lib/job",
    "lib/transfer",
    "lib/protocol",
    "lib/base",
  ],
  "lib/client": [
    "lib/runtime",
    "lib/rtc",
    "lib/mesh",
    "lib/job",
    "lib/transfer",
    "lib/protocol",
    "lib/base",
  ],
  "lib/runtime": ["lib/rtc", "lib/mesh", "lib/job", "lib/transfer", "lib/protocol", "lib/base"],
  "lib/rtc": ["lib/mesh", "lib/job", "lib/transfer", "lib/protocol", "lib/base"],
  "lib/mesh": ["lib/protocol", "lib/base"],
  "lib/job": ["lib/protocol", "lib/base"],
  "lib/transfer": ["lib/protocol", "lib/base"],
  "lib/protocol": ["lib/base"],
  "lib/base": [],
  "signaling": ["lib/protocol", "lib/base"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/**
 * The files of `lib` that may import the server: the command that starts it, and the one that deletes
 * the users that it left with its identity provider, by the same few calls.
 */
const SERVER_DOORS = ["lib/cli/signal.ts", "lib/cli/cleanup_cognito.ts"];

/** The layer of the file at `path`: its folder, two deep in `lib`. */
function layerOf(path: string): string {
  if (path === "main.ts") return "main";
  const [first = "", second = ""] = path.split("/");
  return first === "lib" ? `lib/${second}` : first;
}

function isLayer(layer: string): layer is keyof typeof BELOW {
  return Object.hasOwn(BELOW, layer);
}

/** What is wrong with the file at `importer` naming `specifier`; `undefined` where nothing is. */
export function layerFault(importer: string, specifier: string): Fault | undefined {
  const from = layerOf(importer);
  if (from === "tests" || from === "scripts") return undefined;
  if (!isLayer(from)) {
    return {
      message: `Expected ${importer} to be in a layer, got the folder ${from}`,
      hint: `Move it to one of ${Object.keys(BELOW).join(", ")}`,
    };
  }
  if (!isRelative(specifier)) {
    if (from !== "lib/base") return undefined;
    return {
      message: `Expected lib/base to import nothing, got ${specifier}`,
      hint: "Take what is needed as an argument, or move the file up to lib/protocol",
    };
  }
  const target = targetOf(importer, specifier);
  if (target === "deno.json") return undefined;
  const to = layerOf(target);
  if (to === from || BELOW[from].some((below) => below === to)) return undefined;
  if (SERVER_DOORS.includes(importer) && to === "signaling") return undefined;
  const allowed = BELOW[from].length === 0 ? "nothing" : `only ${BELOW[from].join(", ")}`;
  return {
    message: `Expected ${from} to import ${allowed} besides itself, got ${target}`,
    hint: "Imports point down, never sideways: move what is needed down, or pass it in from above",
  };
}

/** Holds imports to the layers. A computed `import()` cannot be checked, so there is none. */
export const layers: Deno.lint.Rule = rule((path, report) =>
  onMention(({ specifier, node }) => {
    if (specifier === undefined) {
      if (["tests", "scripts"].includes(layerOf(path))) return;
      report({
        message: "Expected import() of a literal, got a computed specifier",
        hint: "Write one import() for each module: layers and `deno compile` read literals only",
      }, node);
      return;
    }
    const fault = layerFault(path, specifier);
    if (fault !== undefined) report(fault, node);
  })
);
