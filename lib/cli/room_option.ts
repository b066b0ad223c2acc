/** The options by which every command finds its room, and how they become settings. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import type { Layer } from "../runtime/config.ts";
import type { Io } from "./io.ts";
import { Mistake } from "./mistake.ts";

/** Bytes of a file that holds one secret. Higher: a wrong path reads more before it is refused. */
const SECRET_FILE_BYTES_MAX = 8 * 1024;

/** `--server`. */
export const serverOption = optional(
  option("--server", string({ metavar: "URL" }), {
    description: message`The signaling server, such as http://lab.example.org:8080`,
  }),
);

const secretFile = path({ metavar: "FILE", type: "file" });

/** `--server`, and `--invite-file` or `--room-id`, `--token-file` and `--secret-file`. */
export const roomOptions = object("Room", {
  server: serverOption,
  inviteFile: optional(option("--invite-file", secretFile, {
    description: message`File that holds the invite; - for the standard input`,
  })),
  roomId: optional(option("--room-id", string({ metavar: "ID" }), {
    description: message`The room, where there is no invite`,
  })),
  tokenFile: optional(option("--token-file", secretFile, {
    description: message`File that holds the room's token; - for the standard input`,
  })),
  secretFile: optional(option("--secret-file", secretFile, {
    description: message`File that holds the room's secret; - for the standard input`,
  })),
});

/** What {@linkcode roomOptions} gives. */
export interface RoomFlags {
  readonly server: string | undefined;
  readonly inviteFile: string | undefined;
  readonly roomId: string | undefined;
  readonly tokenFile: string | undefined;
  readonly secretFile: string | undefined;
}

/**
 * The settings that the flags give, secrets read from their files.
 *
 * @throws {Mistake} Where a file cannot be read, is empty, or two want the standard input.
 */
export async function roomLayer(flags: RoomFlags, io: Io): Promise<Layer> {
  const { server, roomId } = flags;
  const files = [
    ["invite", "--invite-file", flags.inviteFile],
    ["token", "--token-file", flags.tokenFile],
    ["secret", "--secret-file", flags.secretFile],
  ] as const;
  if (files.filter(([, , file]) => file === "-").length > 1) {
    throw new Mistake("Expected at most one secret on the standard input, got two flags with `-`");
  }
  let layer: Layer = {
    ...(server === undefined ? {} : { server: { value: server, from: "--server" } }),
    ...(roomId === undefined ? {} : { room_id: { value: roomId, from: "--room-id" } }),
  };
  for (const [key, flag, file] of files) {
    if (file === undefined) continue;
    layer = {
      ...layer,
      [key]: { value: await readSecret(flag, file, io), from: `${flag} ${file}` },
    };
  }
  return layer;
}

async function readSecret(flag: string, file: string, io: Io): Promise<string> {
  const text = file === "-" ? await io.stdin() : await readSmallFile(flag, file);
  const secret = text.trim();
  if (secret === "") throw new Mistake(`Expected a secret in ${file} (from ${flag}), got nothing`);
  return secret;
}

async function readSmallFile(flag: string, file: string): Promise<string> {
  try {
    const { size } = await Deno.stat(file);
    if (size <= SECRET_FILE_BYTES_MAX) return await Deno.readTextFile(file);
  } catch (cause) {
    throw new Mistake(`Expected a readable file at ${file} (from ${flag}), got an error`, {
      cause,
    });
  }
  throw new Mistake(`Expected one secret in ${file} (from ${flag}), got a file too large for one`);
}
