/** The command `discover`: lists the workers of a room. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import type { Filters } from "../protocol/query.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { logOptions, openLog } from "./log_option.ts";
import { propertyFilter } from "./property_filter.ts";
import { roomLayer, roomOptions } from "./room_option.ts";
import { jsonText } from "./terminal_text.ts";

const STATUSES = ["available", "reserved", "busy", "draining", "maintenance", "left"] as const;

const parser = merge(
  object("Filters", {
    status: optional(option("--status", choice(STATUSES, { metavar: "STATUS" }), {
      description: message`Only workers of this status`,
    })),
    minGpuMemory: optional(
      option("--min-gpu-memory", integer({ min: 0, metavar: "MB" }), {
        description: message`Only workers with at least this much GPU memory`,
      }),
    ),
    tags: multiple(option("--tag", string({ metavar: "TAG" }), {
      description: message`Only workers with this tag; may be repeated`,
    })),
    properties: multiple(option("--property", string({ metavar: "CONDITION" }), {
      description:
        message`Only workers that hold to it, such as 'cuda>=12' (=, !=, >=, <=, >, <); may be repeated`,
    })),
  }),
  object({
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc discover`. */
export const discoverCommand = defineCommand({
  name: "discover",
  purpose: "List the workers of a room",
  examples: [
    "sleap-rtc discover",
    "sleap-rtc discover --status available --min-gpu-memory 16000",
    "sleap-rtc discover --property 'gpu_model=RTX A5000' --json",
  ],
  exits: ["serverUnreachable", "refused", "noWorker", "protocol"],
  parser,
  async run(given, io) {
    const { installationFolder, loadConfig, roomAccessOf } = await import("../runtime/config.ts");
    const { loadIdentity } = await import("../runtime/credentials.ts");
    const filters = filtersOf(given);
    const room = roomAccessOf(await loadConfig(await roomLayer(given, io), io.env));
    const identity = await loadIdentity(installationFolder(io.env));
    const { discoverWorkers } = await import("../client/discovery.ts");
    const { log, stop } = await openLog(given, io, "warning");
    try {
      const answer = await discoverWorkers(room, filters, {
        identity,
        log,
        signal: io.interruption(),
      });
      const { list, via, tookMs } = answer;
      if (given.json) io.out(jsonText({ ...list, via, took_ms: tookMs }));
      else {
        const { workerLines } = await import("./worker_table.ts");
        for (const line of workerLines(list, { via, tookMs }, io)) io.out(line);
      }
      return EXIT.ok;
    } finally {
      stop();
    }
  },
});

function filtersOf(
  given: {
    readonly status: Filters["status"];
    readonly minGpuMemory: number | undefined;
    readonly tags: readonly string[];
    readonly properties: readonly string[];
  },
): Filters {
  const { status, minGpuMemory, tags } = given;
  const properties = propertyFilter(given.properties);
  return {
    ...(status === undefined ? {} : { status }),
    ...(minGpuMemory === undefined ? {} : { min_gpu_memory_mb: minGpuMemory }),
    ...(tags.length === 0 ? {} : { tags: [...tags] }),
    ...(properties === undefined ? {} : { properties }),
  };
}
