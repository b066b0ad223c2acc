/** The command `extend-room`: lets a room live longer while nobody is in it. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { MINUTE_MS, parseDuration, SECOND_MS } from "../base/time.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { Mistake } from "./mistake.ts";
import { roomLayer, roomOptions } from "./room_option.ts";

const parser = merge(
  object({
    by: withDefault(
      option("--by", string({ metavar: "TIME" }), {
        description: message`How much longer, such as 2h or 30d`,
      }),
      "2h",
    ),
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  roomOptions,
);

/** `sleap-rtc extend-room`. */
export const extendRoomCommand = defineCommand({
  name: "extend-room",
  purpose: "Let a room live longer",
  examples: ["sleap-rtc extend-room --by 30d", "sleap-rtc extend-room --invite-file lab.invite"],
  exits: ["serverUnreachable", "refused", "protocol"],
  parser,
  async run(given, io) {
    const { loadConfig, roomAccessOf } = await import("../runtime/config.ts");
    const { extendRoom } = await import("../client/room_api.ts");
    const byMs = parseDuration(given.by);
    if (byMs === undefined || byMs < MINUTE_MS) {
      throw new Mistake(
        `Expected a time of at least one minute such as 2h or 30d for --by, got \`${given.by}\``,
      );
    }
    const room = roomAccessOf(await loadConfig(await roomLayer(given, io), io.env));
    const expiresAt = await extendRoom(room, {
      bySeconds: Math.round(byMs / SECOND_MS),
      signal: io.interruption(),
    });
    if (given.json) io.out(JSON.stringify({ room_id: room.roomId, expires_at: expiresAt }));
    else {
      const end = expiresAt === null ? "never" : new Date(expiresAt * SECOND_MS).toISOString();
      io.out(`Room ${room.roomId} expires ${end}`);
    }
    return EXIT.ok;
  },
});
