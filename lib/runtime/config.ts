/**
 * Where settings come from: flags before environment before one TOML file. Knows their form and
 * which source each value came from; knows nothing of what the commands do with them.
 */

import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import type { RoomId } from "../base/id.ts";
import { roomIdSchema } from "../protocol/name.ts";
import {
  decodeInvite,
  roomSecretSchema,
  roomTokenSchema,
  serverUrlSchema,
} from "../protocol/invite.ts";

/** The configuration file, in bytes. Higher: a wrong path reads more before it is refused. */
const FILE_BYTES_MAX = 256 * 1024;

const iceServerSchema = z.strictObject({
  url: z.string().max(512).regex(
    /^(stun|turn)s?:\S+$/,
    "Expected an address such as stun:host:3478",
  ),
  username: z.string().max(256).exactOptional(),
  credential: z.string().max(256).exactOptional(),
});

/** How a link's backend may be chosen. */
export const rtcChoiceSchema = z.enum(["auto", "native", "werift"]);
/** How a link's backend may be chosen. */
export type RtcChoice = z.infer<typeof rtcChoiceSchema>;

/** Every setting by its name in the file; a dot leads into a table of the file. */
interface Settings {
  readonly server: string;
  readonly invite: string;
  readonly room_id: RoomId;
  readonly token: string;
  readonly secret: string;
  readonly rtc: RtcChoice;
  readonly ice_servers: z.infer<typeof iceServerSchema>[];
  readonly "worker.name": string;
  readonly "worker.folder": string;
  readonly "worker.gpu_memory_mb": number;
  readonly "worker.gpu_model": string;
  readonly "worker.sleap_nn": string;
  readonly "worker.tags": string[];
}
/** The name of a setting, as in the file. */
export type Setting = keyof Settings;

const SETTINGS: { readonly [Key in Setting]: z.ZodType<Settings[Key]> } = {
  server: serverUrlSchema,
  invite: z.string().max(4_096),
  room_id: roomIdSchema,
  token: roomTokenSchema,
  secret: roomSecretSchema,
  rtc: rtcChoiceSchema,
  ice_servers: z.array(iceServerSchema).max(16),
  "worker.name": z.string().min(1).max(40),
  "worker.folder": z.string().min(1).max(4_096),
  "worker.gpu_memory_mb": z.number().min(0).max(10_000_000),
  "worker.gpu_model": z.string().min(1).max(200),
  "worker.sleap_nn": z.string().min(1).max(4_096),
  "worker.tags": z.array(z.string().min(1).max(64)).max(32),
};

const SETTING_NAMES: ReadonlySet<string> = new Set(Object.keys(SETTINGS));
const SECRET_SETTINGS: ReadonlySet<string> = new Set(["invite", "token", "secret"]);

/** The environment variables that are read. */
const VARIABLES: Readonly<Partial<Record<Setting, string>>> = {
  server: "SLEAP_RTC_SERVER",
  invite: "SLEAP_RTC_INVITE",
  room_id: "SLEAP_RTC_ROOM_ID",
  token: "SLEAP_RTC_ROOM_TOKEN",
  secret: "SLEAP_RTC_ROOM_SECRET",
};

/** A setting that is missing or wrong. The message names its source, what was wanted and what was got. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** A value, and the source that named it. */
export interface Sourced<T> {
  readonly value: T;
  /** Such as `SLEAP_RTC_SERVER`, `--server` or `sleap-rtc.toml, key server`. */
  readonly from: string;
}

/** Values of one source, still unchecked, each with the words that cite it. */
export type Layer = Readonly<Partial<Record<Setting, Sourced<unknown>>>>;

/** Reads one environment variable. Empty counts as unset. */
export type Environment = (name: string) => string | undefined;

/** Settings of all sources, checked. */
export class Config {
  readonly #layers: readonly Layer[];

  /**
   * @param layers From the strongest to the weakest.
   * @throws {ConfigError} Where any value of any layer is not as wanted.
   */
  constructor(layers: readonly Layer[]) {
    this.#layers = layers;
    for (const layer of layers) for (const key of settingsOf(layer)) this.#checked(layer, key);
  }

  /** The value of the strongest source that has one. */
  get<Key extends Setting>(key: Key): Sourced<Settings[Key]> | undefined {
    const layer = this.#layers.find((candidate) => candidate[key] !== undefined);
    return layer === undefined ? undefined : this.#checked(layer, key);
  }

  /** How strong the source of `key` is: 0 is the strongest, Infinity is none. */
  rank(key: Setting): number {
    const rank = this.#layers.findIndex((layer) => layer[key] !== undefined);
    return rank === -1 ? Infinity : rank;
  }

  #checked<Key extends Setting>(layer: Layer, key: Key): Sourced<Settings[Key]> | undefined {
    const given = layer[key];
    if (given === undefined) return undefined;
    const result = SETTINGS[key].safeParse(given.value);
    if (result.success) return { value: result.data, from: given.from };
    const issue = result.error.issues[0];
    const part = issue === undefined || issue.path.length === 0
      ? ""
      : ` at ${issue.path.join(".")}`;
    const got = SECRET_SETTINGS.has(key) ? "something else" : JSON.stringify(given.value);
    throw new ConfigError(
      `${
        issue?.message ?? "Expected another value"
      }${part} for ${key}, got ${got} (from ${given.from})`,
    );
  }
}

function settingsOf(layer: Layer): Setting[] {
  return Object.keys(layer).filter(isSetting);
}

function isSetting(name: string): name is Setting {
  return SETTING_NAMES.has(name);
}

/** The folder of this installation: `SLEAP_RTC_HOME`, or `.sleap-rtc` in the home folder. */
export function installationFolder(env: Environment): string {
  const named = env("SLEAP_RTC_HOME");
  if (named !== undefined && named !== "") return named;
  const home = env("HOME") ?? env("USERPROFILE");
  if (home === undefined || home === "") {
    throw new ConfigError(
      "Expected HOME or SLEAP_RTC_HOME in the environment, got neither; set SLEAP_RTC_HOME to a folder of your own",
    );
  }
  return join(home, ".sleap-rtc");
}

/**
 * Gathers all settings: `flags`, then the environment, then the file that `SLEAP_RTC_CONFIG` names,
 * or else `sleap-rtc.toml` here, or else `config.toml` in the installation's folder.
 *
 * @param flags The settings that the command line gave, each with its flag.
 * @throws {ConfigError} Where a value is not as wanted, or a named file cannot be read.
 */
export async function loadConfig(flags: Layer, env: Environment): Promise<Config> {
  return new Config([flags, environmentLayer(env), await fileLayer(env)]);
}

function environmentLayer(env: Environment): Layer {
  const layer: Partial<Record<Setting, Sourced<unknown>>> = {};
  for (const [key, variable] of Object.entries(VARIABLES)) {
    const value = env(variable)?.trim();
    if (isSetting(key) && value !== undefined && value !== "") {
      layer[key] = { value, from: variable };
    }
  }
  return layer;
}

async function fileLayer(env: Environment): Promise<Layer> {
  const named = env("SLEAP_RTC_CONFIG");
  if (named !== undefined && named !== "") {
    const text = await readIfThere(named);
    if (text !== undefined) return parseLayer(text, named);
    throw new ConfigError(
      `Expected a configuration file at ${named} (from SLEAP_RTC_CONFIG), got none; create it or unset the variable`,
    );
  }
  for (const path of ["sleap-rtc.toml", join(installationFolder(env), "config.toml")]) {
    const text = await readIfThere(path);
    if (text !== undefined) return parseLayer(text, path);
  }
  return {};
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    const { size } = await Deno.stat(path);
    if (size > FILE_BYTES_MAX) {
      throw new ConfigError(
        `Expected a configuration file of at most ${FILE_BYTES_MAX} bytes at ${path}, got ${size}`,
      );
    }
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`Expected a readable configuration file at ${path}, got an error`, {
      cause: error,
    });
  }
}

/**
 * Reads the settings out of a TOML file's text.
 *
 * @throws {ConfigError} Where it is not TOML, or has a key that nobody knows.
 */
export function parseLayer(text: string, path: string): Layer {
  let table: Record<string, unknown>;
  try {
    table = parseToml(text);
  } catch (error) {
    throw new ConfigError(`Expected TOML in ${path}, got text that is not`, { cause: error });
  }
  const layer: Partial<Record<Setting, Sourced<unknown>>> = {};
  for (const [name, value] of flatten(table)) {
    if (!isSetting(name)) {
      const known = [...SETTING_NAMES].join(", ");
      throw new ConfigError(`Expected one of ${known} in ${path}, got the key ${name}`);
    }
    layer[name] = { value, from: `${path}, key ${name}` };
  }
  return layer;
}

function flatten(table: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(table).flatMap(([name, value]): [string, unknown][] =>
    name === "worker" && typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([inner, part]) => [`worker.${inner}`, part])
      : [[name, value]]
  );
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
export function roomAccessOf(config: Config): RoomAccess {
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

function accessOfParts(config: Config): RoomAccess {
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
