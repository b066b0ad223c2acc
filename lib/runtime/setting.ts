/**
 * Which settings there are, and what each may be. Knows neither their sources nor what the commands
 * do with them.
 */

import { join } from "node:path";
import { z } from "zod";
import type { RoomId } from "../base/id.ts";
import { roomSecretSchema, roomTokenSchema, serverUrlSchema } from "../protocol/invite.ts";
import { mountLabelSchema, type PathMap, pathMapSchema } from "../protocol/mount.ts";
import { roomIdSchema } from "../protocol/name.ts";

/** Mounts of one worker: their labels are in its entry. */
const MOUNTS_MAX = 32;

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

/** A folder of a worker that jobs may read from, under the name that the room hears. */
export interface MountSetting {
  readonly label: string;
  /** Absolute. */
  readonly path: string;
}

/** Every setting by its name in the file; a dot leads into a table of the file. */
export interface Settings {
  readonly server: string;
  readonly invite: string;
  readonly room_id: RoomId;
  readonly token: string;
  readonly secret: string;
  readonly rtc: RtcChoice;
  readonly ice_servers: z.infer<typeof iceServerSchema>[];
  /** Prefixes of paths in labels, and what stands there on the worker. */
  readonly maps: PathMap[];
  readonly "worker.name": string;
  readonly "worker.folder": string;
  readonly "worker.gpu_memory_mb": number;
  readonly "worker.gpu_model": string;
  readonly "worker.sleap_nn": string;
  readonly "worker.tags": string[];
  readonly "worker.mounts": MountSetting[];
}
/** The name of a setting, as in the file. */
export type Setting = keyof Settings;

/** What each setting may be. */
export const SETTINGS: { readonly [Key in Setting]: z.ZodType<Settings[Key]> } = {
  server: serverUrlSchema,
  invite: z.string().max(4_096),
  room_id: roomIdSchema,
  token: roomTokenSchema,
  secret: roomSecretSchema,
  rtc: rtcChoiceSchema,
  ice_servers: z.array(iceServerSchema).max(16),
  maps: z.array(pathMapSchema).max(32),
  "worker.name": z.string().min(1).max(40),
  "worker.folder": z.string().min(1).max(4_096),
  "worker.gpu_memory_mb": z.number().min(0).max(10_000_000),
  "worker.gpu_model": z.string().min(1).max(200),
  "worker.sleap_nn": z.string().min(1).max(4_096),
  "worker.tags": z.array(z.string().min(1).max(64)).max(32),
  "worker.mounts": z.array(z.strictObject({
    label: mountLabelSchema,
    path: z.string().min(1).max(4_096),
  })).max(MOUNTS_MAX).refine(
    (mounts) => new Set(mounts.map(({ label }) => label)).size === mounts.length,
    "Expected each mount to have a label of its own",
  ),
};

/** The names of all settings. */
export const SETTING_NAMES: ReadonlySet<string> = new Set(Object.keys(SETTINGS));
/** The names of those whose values are never repeated. */
export const SECRET_SETTINGS: ReadonlySet<string> = new Set(["invite", "token", "secret"]);

/** Whether there is a setting of that name. */
export function isSetting(name: string): name is Setting {
  return SETTING_NAMES.has(name);
}

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
