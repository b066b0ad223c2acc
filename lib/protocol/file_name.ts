/**
 * Names from peers and archives, and which of them may become files. Stricter than any one system
 * needs: what one reads as a name, another reads as a way out. Knows no file system.
 */

import { utf8Length } from "../base/utf8.ts";

/** A whole name, and one part of it, in UTF-8 bytes as file systems count. */
const NAME_BYTES_MAX = 512;
const PART_BYTES_MAX = 255;
/** Folders above a file. */
const DEPTH_MAX = 16;

/** Characters that no name has: control characters, and those that turn or hide the text around them. */
const HIDDEN =
  // deno-lint-ignore no-control-regex -- control characters are what is sought
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff]|[\ud800-\udfff]|[\u{e0000}-\u{e0fff}]/u;
/** What Windows takes for a device, whatever follows the dot. */
const DEVICE = /^(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])$/i;
/** What Windows takes for something else than a letter of a name; `:` also opens a second stream. */
const RESERVED = /[<>:"|?*\\]/;

/**
 * Why `name` may not become a file; `undefined` where it may.
 *
 * @example
 * ```ts
 * import { equal } from "node:assert/strict";
 * equal(nameFault("videos/clip.mp4"), undefined);
 * equal(nameFault("../clip.mp4"), "it climbs out with `..`");
 * ```
 */
export function nameFault(name: string): string | undefined {
  // Some systems read the wide `／` and the one-letter `‥` as what they look like.
  return plainFault(name) ?? plainFault(name.normalize("NFKC"));
}

function plainFault(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (HIDDEN.test(name)) return "it has control characters or hidden ones";
  if (utf8Length(name) > NAME_BYTES_MAX) return `it has more than ${NAME_BYTES_MAX} bytes`;
  if (name.startsWith("/") || name.startsWith("\\")) return "it is absolute";
  if (/^[A-Za-z]:/.test(name)) return "it names a drive";
  if (RESERVED.test(name)) return 'it has one of < > : " | ? * \\';
  const parts = name.split("/");
  if (parts.length > DEPTH_MAX) return `it is more than ${DEPTH_MAX} folders deep`;
  for (const part of parts) {
    const fault = partFault(part);
    if (fault !== undefined) return fault;
    if (utf8Length(part) > PART_BYTES_MAX) {
      return `a part of it has more than ${PART_BYTES_MAX} bytes`;
    }
  }
  return undefined;
}

function partFault(part: string): string | undefined {
  if (part === "") return "it has an empty part";
  if (part === "..") return "it climbs out with `..`";
  if (/^\.+$/.test(part)) return "a part of it is only dots";
  if (/[. ]$/.test(part)) return "a part of it ends in a dot or a space, which Windows leaves out";
  if (/^\s/.test(part)) return "a part of it starts with a space";
  if (part.startsWith("-")) return "a part of it starts with `-`, like an option";
  if (part.startsWith("~")) return "a part of it starts with `~`, like a home folder";
  if (DEVICE.test(part.split(".")[0]?.trim() ?? "")) return "it is a device on Windows";
  return undefined;
}

/**
 * What `name` is where upper and lower case, or two ways to write one letter, are the same: names
 * with the same key would overwrite each other there.
 */
export function nameKey(name: string): string {
  return name.normalize("NFKC").toLowerCase().toUpperCase().normalize("NFKC");
}
