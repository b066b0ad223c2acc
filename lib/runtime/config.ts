/**
 * Where settings come from: flags before environment before one TOML file. Knows which source each
 * value came from; knows nothing of what the commands do with them.
 */

import { fileLayer } from "./config_file.ts";
import {
  ConfigError,
  type Environment,
  isSetting,
  type Layer,
  SECRET_SETTINGS,
  type Setting,
  SETTINGS,
  type Settings,
  type Sourced,
} from "./setting.ts";

export { parseLayer } from "./config_file.ts";
export { type RoomAccess, roomAccessOf } from "./room_access.ts";
export {
  ConfigError,
  type Environment,
  installationFolder,
  type Layer,
  type RtcChoice,
  rtcChoiceSchema,
  type Setting,
  type Sourced,
} from "./setting.ts";

/** The environment variables that are read. */
const VARIABLES: Readonly<Partial<Record<Setting, string>>> = {
  server: "SLEAP_RTC_SERVER",
  invite: "SLEAP_RTC_INVITE",
  room_id: "SLEAP_RTC_ROOM_ID",
  token: "SLEAP_RTC_ROOM_TOKEN",
  secret: "SLEAP_RTC_ROOM_SECRET",
};

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
