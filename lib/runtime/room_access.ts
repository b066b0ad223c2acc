/** Which room the settings name. Knows nothing of where they come from. */

import type { RoomId } from "../base/id.ts";
import { decodeInvite } from "../protocol/invite.ts";
import { ConfigError, type Setting, type Settings, type Sourced } from "./setting.ts";

/** Settings, as far as the search for a room needs them. */
interface RankedSettings {
  get<Key extends Setting>(key: Key): Sourced<Settings[Key]> | undefined;
  rank(key: Setting): number;
}

/** All that one needs to enter a room. */
export interface RoomAccess {
  /** The signaling server's address, without a slash at the end. */
  readonly server: string;
  readonly roomId: RoomId;
  /** Lets one into the room. */
  readonly token: string;
  /** What peers prove each other with. Never sent to the server. */
  readonly secret: string;
}

const PARTS = ["room_id", "token", "secret"] as const;
const NEXT_STEP =
  "set SLEAP_RTC_INVITE or give --invite-file FILE; `sleap-rtc create-room` makes an invite";

/**
 * The room that the settings name: the invite, or room id, token and secret, whichever the stronger
 * source names. A server that the same or a stronger source names replaces the invite's own.
 *
 * @throws {ConfigError} Where there is none, a part is missing, or one source names both.
 */
export function roomAccessOf(config: RankedSettings): RoomAccess {
  const invite = config.get("invite");
  const inviteRank = config.rank("invite");
  const partRank = Math.min(...PARTS.map((key) => config.rank(key)));
  if (invite !== undefined && inviteRank === partRank) {
    const other = PARTS.find((key) => config.rank(key) === partRank) ?? "room_id";
    throw new ConfigError(
      `Expected an invite or room id, token and secret, got both (from ${invite.from} and ${
        config.get(other)?.from
      }); leave one out`,
    );
  }
  if (invite === undefined || partRank < inviteRank) return accessOfParts(config);
  const decoded = decodeInvite(invite.value);
  if (!decoded.ok) throw new ConfigError(`${decoded.reason} (from ${invite.from})`);
  const { room_id, token, secret } = decoded.value;
  const isServerStronger = config.rank("server") <= inviteRank;
  const server = (isServerStronger ? config.get("server")?.value : undefined) ??
    decoded.value.server;
  return { server, roomId: room_id, token, secret };
}

function accessOfParts(config: RankedSettings): RoomAccess {
  const server = config.get("server");
  const roomId = config.get("room_id");
  const token = config.get("token");
  const secret = config.get("secret");
  if (roomId === undefined && token === undefined && secret === undefined) {
    throw new ConfigError(`Expected a room, got none; ${NEXT_STEP}`);
  }
  if (
    server !== undefined && roomId !== undefined && token !== undefined && secret !== undefined
  ) {
    return { server: server.value, roomId: roomId.value, token: token.value, secret: secret.value };
  }
  const missing = Object.entries({ server, room_id: roomId, token, secret })
    .filter(([, found]) => found === undefined).map(([name]) => name).join(", ");
  const found = [server, roomId, token, secret].flatMap((part) =>
    part === undefined ? [] : [part.from]
  );
  throw new ConfigError(
    `Expected server, room_id, token and secret, got only those from ${
      found.join(" and ")
    }: ${missing} missing; ${NEXT_STEP}`,
  );
}
