/** The configuration file: where it is, and the settings in its TOML. Knows no other source. */

import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import {
  ConfigError,
  type Environment,
  installationFolder,
  isSetting,
  type Layer,
  type Setting,
  SETTING_NAMES,
  type Sourced,
} from "./setting.ts";

/** The configuration file, in bytes. Higher: a wrong path reads more before it is refused. */
const FILE_BYTES_MAX = 256 * 1024;

/**
 * The settings of the file that `SLEAP_RTC_CONFIG` names, or else of `sleap-rtc.toml` here, or else of
 * `config.toml` in the installation's folder; none where there is none.
 *
 * @throws {ConfigError} Where a named file is not there, cannot be read, or is not as wanted.
 */
export async function fileLayer(env: Environment): Promise<Layer> {
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
