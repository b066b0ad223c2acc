/** The command `create-room`: makes a room, and the secret that the server never sees. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { MINUTE_MS, parseDuration, SECOND_MS } from "../base/time.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { Mistake } from "./mistake.ts";
import { serverOption } from "./room_option.ts";

const parser = merge(
  object("Room", { server: serverOption }),
  object({
    name: optional(option("--name", string({ metavar: "NAME" }), {
      description: message`What people call the room`,
    })),
    ttl: optional(option("--ttl", string({ metavar: "TIME" }), {
      description:
        message`How long the room stays while nobody is in it: 2h, 30d, or never (the server's default is 2h)`,
    })),
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
);

/** `sleap-rtc create-room`. */
export const createRoomCommand = defineCommand({
  name: "create-room",
  purpose: "Make a room and the invite to it",
  examples: [
    "sleap-rtc create-room --server http://127.0.0.1:8080",
    "sleap-rtc create-room --name 'Behaviour lab' --ttl never",
    "sleap-rtc create-room --json | jq -r .invite > lab.invite",
  ],
  exits: ["serverUnreachable", "refused", "protocol"],
  parser,
  async run({ server, name, ttl, json }, io) {
    const { installationFolder, loadConfig } = await import("../runtime/config.ts");
    const { newRoomSecret } = await import("../runtime/credentials.ts");
    const { keepSignIn } = await import("../runtime/sign_in.ts");
    const { createRoom } = await import("../client/room_api.ts");
    const { encodeInvite } = await import("../protocol/invite.ts");
    const flags = server === undefined ? {} : { server: { value: server, from: "--server" } };
    const config = await loadConfig(flags, io.env);
    const address = config.get("server")?.value;
    if (address === undefined) {
      throw new Mistake(
        "Expected a signaling server, got none; give --server URL, or set SLEAP_RTC_SERVER; `sleap-rtc signal` starts one",
      );
    }
    const ttlSeconds = ttl === undefined ? undefined : secondsOf(ttl);
    io.err(`Making a room at ${address}`);
    const room = await createRoom(address, { name, ttlSeconds, signal: io.interruption() });
    // The room is made: that its maker cannot be remembered must not lose it.
    await keepSignIn(installationFolder(io.env), address, room.idToken).catch((error: unknown) =>
      io.err(`The sign-in was not kept, so peers of this machine come as nobody: ${error}`)
    );
    const secret = newRoomSecret();
    const { roomId, token, expiresAt } = room;
    const invite = encodeInvite({ server: address, room_id: roomId, token, secret });
    const facts = {
      server: address,
      room_id: roomId,
      token,
      secret,
      invite,
      expires_at: expiresAt,
    };
    if (json) io.out(JSON.stringify(facts));
    else {
      for (const line of roomLines(facts)) io.out(line);
      if (io.isTerminal) {
        const { qrLines } = await import("./qr_code.ts");
        for (const line of qrLines(invite, io)) io.out(line);
      }
    }
    if (isLoopback(address)) {
      io.err(
        `Only this machine reaches ${address}: for other machines make the room with --server and the address that they use`,
      );
    }
    io.err("Keep the invite: the secret in it was made here, and nobody can tell it again");
    return EXIT.ok;
  },
});

function isLoopback(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

/** The facts of a new room, and the lines to paste where it is to be used. */
export function roomLines(
  facts: {
    readonly room_id: string;
    readonly token: string;
    readonly secret: string;
    readonly invite: string;
    readonly expires_at: number | null;
  },
): string[] {
  const end = facts.expires_at === null
    ? "never"
    : `${new Date(facts.expires_at * SECOND_MS).toISOString()} if nobody is in it then`;
  return [
    `Room     ${facts.room_id}`,
    `Token    ${facts.token}`,
    `Secret   ${facts.secret}`,
    `Invite   ${facts.invite}`,
    `Expires  ${end}`,
    "",
    "# On every worker and every client, in the shell:",
    `export SLEAP_RTC_INVITE=${facts.invite}`,
    "# or in ~/.sleap-rtc/config.toml:",
    `invite = "${facts.invite}"`,
  ];
}

/** Reads a lifetime into seconds; `never` is null. */
function secondsOf(ttl: string): number | null {
  if (ttl === "never") return null;
  const durationMs = parseDuration(ttl);
  if (durationMs !== undefined && durationMs >= MINUTE_MS) {
    return Math.round(durationMs / SECOND_MS);
  }
  throw new Mistake(
    `Expected a time of at least one minute such as 2h, 30d or never for --ttl, got \`${ttl}\``,
  );
}
