/** `--mount LABEL=PATH` and `--map FROM=TO`: what files a worker sees, and under which paths. */

import { message } from "@optique/core/message";
import { multiple } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import type { PathMap } from "../protocol/mount.ts";
import { Mistake } from "./mistake.ts";
import { cleanText } from "./terminal_text.ts";

/** `--mount LABEL=PATH`. */
export const mountOption = multiple(option("--mount", string({ metavar: "LABEL=PATH" }), {
  description: message`A folder that jobs may read videos from; may be repeated`,
}));

/** `--mount LABEL=PATH`, of a command that sends files. */
export const sharedMountOption = multiple(option("--mount", string({ metavar: "LABEL=PATH" }), {
  description:
    message`A folder that workers may have mounted, too, under the same label: they read there what they see, and it is not sent; may be repeated`,
}));

/** `--map FROM=TO`. */
export const mapOption = multiple(option("--map", string({ metavar: "FROM=TO" }), {
  description:
    message`Paths in labels that begin with FROM are at TO on the worker, a path or LABEL:folder; may be repeated`,
}));

/** @throws {Mistake} Where a text is not `LABEL=PATH`. */
export function mountsOf(texts: readonly string[]): { label: string; path: string }[] {
  return texts.map((text) => {
    const [label, path] = halves(text, "--mount", "LABEL=PATH");
    return { label, path };
  });
}

/** @throws {Mistake} Where a text is not `FROM=TO`. */
export function mapsOf(texts: readonly string[]): PathMap[] {
  return texts.map((text) => {
    const [from, to] = halves(text, "--map", "FROM=TO");
    return { from, to };
  });
}

function halves(text: string, flag: string, form: string): [string, string] {
  const at = text.indexOf("=");
  const [one, other] = [text.slice(0, Math.max(0, at)).trim(), text.slice(at + 1).trim()];
  if (one !== "" && other !== "") return [one, other];
  throw new Mistake(`Expected ${form} for ${flag}, got \`${cleanText(text)}\``);
}
