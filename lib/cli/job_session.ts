/** What a command needs to go to the jobs of this installation: settings, identity, records, log. */

import { join } from "node:path";
import type { JobRecords } from "../client/job_records.ts";
import type { LinkedOptions } from "../client/linked_session.ts";
import type { Io } from "./io.ts";
import { openLog } from "./log_option.ts";
import { type RoomFlags, roomLayer } from "./room_option.ts";
import { rtcLayer } from "./rtc_option.ts";

/** What commands about jobs are given. */
export interface JobSessionFlags extends RoomFlags {
  readonly rtc: Parameters<typeof rtcLayer>[0];
  readonly verbose: boolean;
  readonly logLevel: Parameters<typeof openLog>[0]["logLevel"];
}

/** How to get to jobs. */
export interface JobSessionOptions extends LinkedOptions {
  readonly records: JobRecords;
}

/**
 * Does `work` with the way to this installation's jobs.
 *
 * @throws {ConfigError} Where there is no room in the settings.
 * @throws What `work` throws.
 */
export async function withJobs<T>(
  given: JobSessionFlags,
  io: Io,
  work: (options: JobSessionOptions) => Promise<T>,
): Promise<T> {
  const { installationFolder, loadConfig, roomAccessOf } = await import("../runtime/config.ts");
  const { loadIdentity } = await import("../runtime/credentials.ts");
  const { JobRecords } = await import("../client/job_records.ts");
  const flags = { ...await roomLayer(given, io), ...rtcLayer(given.rtc) };
  const config = await loadConfig(flags, io.env);
  const room = roomAccessOf(config);
  const home = installationFolder(io.env);
  const identity = await loadIdentity(home);
  const { log, stop } = await openLog(given, io, "warning");
  try {
    return await work({
      room,
      identity,
      rtc: config.get("rtc")?.value ?? "auto",
      iceServers: config.get("ice_servers")?.value ?? [],
      records: new JobRecords(join(home, "jobs")),
      log,
      signal: io.interruption(),
    });
  } finally {
    stop();
  }
}
