/** The command `discover`: lists the workers of a room, once or for as long as somebody watches. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { isPeerId, type PeerId } from "../base/id.ts";
import type { LinkedOptions } from "../client/linked_session.ts";
import type { Discovery } from "../client/session.ts";
import type { WorkerAnswer } from "../client/worker_question.ts";
import type { Filters } from "../protocol/query.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { logOptions, openLog } from "./log_option.ts";
import { Mistake } from "./mistake.ts";
import { propertyFilter } from "./property_filter.ts";
import { roomLayer, roomOptions } from "./room_option.ts";
import { rtcLayer, rtcOption } from "./rtc_option.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

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
        message`Only workers that hold to it, such as 'cuda>=12' (=, !=, >=, <=, >, <, in); may be repeated`,
    })),
  }),
  object({
    from: optional(option("--from", string({ metavar: "WORKER" }), {
      description:
        message`Ask this worker over a link, admin or not (by default the admin, by the server)`,
    })),
    watch: withDefault(
      flag("-w", "--watch", { description: message`Show changes until Ctrl-C` }),
      false,
    ),
    rtc: rtcOption,
    json: withDefault(
      flag("--json", { description: message`Print one JSON object; with --watch one a change` }),
      false,
    ),
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
    "sleap-rtc discover --watch",
    "sleap-rtc discover --from gpu-box-abcdefghij",
  ],
  exits: ["serverUnreachable", "refused", "workerLost", "protocol", "terminated"],
  parser,
  async run(given, io) {
    const { installationFolder, loadConfig, roomAccessOf } = await import("../runtime/config.ts");
    const { loadIdentity } = await import("../runtime/credentials.ts");
    const filters = filtersOf(given);
    const from = given.from === undefined ? undefined : workerOf(given.from);
    const config = await loadConfig(
      { ...await roomLayer(given, io), ...rtcLayer(given.rtc) },
      io.env,
    );
    const { log, stop } = await openLog(given, io, "warning");
    const options = {
      room: roomAccessOf(config),
      identity: await loadIdentity(installationFolder(io.env)),
      rtc: config.get("rtc")?.value ?? "auto",
      iceServers: config.get("ice_servers")?.value ?? [],
      log,
      signal: io.interruption(),
    };
    try {
      if (given.watch) {
        const { showRoom } = await import("./discover_watch.ts");
        return await showRoom({ filters, from, json: given.json }, options, io);
      }
      await tellAnswer(await ask(filters, from, options), given.json, io);
      return EXIT.ok;
    } finally {
      stop();
    }
  },
});

async function ask(
  filters: Filters,
  from: PeerId | undefined,
  options: LinkedOptions,
): Promise<Discovery | WorkerAnswer> {
  if (from === undefined) {
    const { discoverWorkers } = await import("../client/discovery.ts");
    return await discoverWorkers(options.room, filters, options);
  }
  const { askWorker } = await import("../client/worker_question.ts");
  return await askWorker(from, filters, options);
}

async function tellAnswer(
  answer: Discovery | WorkerAnswer,
  isJson: boolean,
  io: Io,
): Promise<void> {
  const { list, via, tookMs } = answer;
  if (isJson) {
    const answerer = via === "worker" ? { peer_id: answer.worker } : {};
    return io.out(jsonText({ ...list, via, ...answerer, took_ms: tookMs }));
  }
  const { workerLines } = await import("./worker_table.ts");
  for (const line of workerLines(list, answer, io)) io.out(line);
}

function workerOf(text: string): PeerId {
  if (isPeerId(text)) return text;
  throw new Mistake(
    `Expected a worker as \`sleap-rtc discover\` names it for --from, got \`${cleanText(text)}\``,
  );
}

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
