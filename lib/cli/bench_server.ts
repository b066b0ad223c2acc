/** The command `bench-server`: puts a load on a signaling server and says how it bore it. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { argument, flag, option } from "@optique/core/primitives";
import { float, integer, string } from "@optique/core/valueparser";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { logOptions, openLog } from "./log_option.ts";
import type { MemoryReport } from "./memory_curve.ts";
import { Mistake } from "./mistake.ts";
import { addressOf } from "./signal_option.ts";

const parser = merge(
  object({
    server: argument(string({ metavar: "URL" }), {
      description: message`The server, such as http://127.0.0.1:8080`,
    }),
    rooms: withDefault(
      option("--rooms", integer({ min: 1, max: 1_000, metavar: "N" }), {
        description: message`Rooms to make`,
      }),
      100,
    ),
    workers: withDefault(
      option("--workers", integer({ min: 2, max: 10, metavar: "N" }), {
        description: message`Workers in each room`,
      }),
      10,
    ),
    seconds: withDefault(
      option("--seconds", integer({ min: 1, max: 86_400, metavar: "N" }), {
        description: message`How long they talk, once all have joined`,
      }),
      30,
    ),
    churnPercent: withDefault(
      option("--churn", float({ min: 0, max: 20, metavar: "PERCENT" }), {
        description:
          message`Of 100 workers, how many leave each second; as many come, half of them for the first time`,
      }),
      1,
    ),
    isOwn: withDefault(
      flag("--yes-i-own-this-server", {
        description: message`Needed for a server that is not on this machine`,
      }),
      false,
    ),
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  logOptions,
);

/** `sleap-rtc bench-server`. */
export const benchServerCommand = defineCommand({
  name: "bench-server",
  purpose: "Put a load on a signaling server and say how it bears it",
  examples: [
    "sleap-rtc bench-server http://127.0.0.1:8080",
    "sleap-rtc bench-server http://127.0.0.1:8080 --rooms 20 --seconds 10 --json",
    "sleap-rtc bench-server http://127.0.0.1:8080 --seconds 900 --churn 2 --json",
  ],
  exits: ["serverUnreachable", "refused", "protocol"],
  parser,
  async run({ isOwn, json, ...given }, io) {
    const server = addressOf("the server", given.server);
    if (!isOwn && !isLoopback(server)) {
      throw new Mistake(
        `Expected a server on this machine, got ${server}; a load disturbs whoever works there: if it is yours, add --yes-i-own-this-server`,
      );
    }
    const { runLoad } = await import("./server_load.ts");
    const { log, stop } = await openLog(given, io, "warning");
    const { rooms, workers, seconds, churnPercent } = given;
    io.err(`${rooms} rooms of ${workers} workers at ${server}, ${seconds} s`);
    const told = (afterSeconds: number, memoryMb: number) =>
      io.err(`After ${afterSeconds} s the server holds ${Math.round(memoryMb)} MB`);
    try {
      const signal = io.interruption();
      const { numbers, memory } = await runLoad({ ...given, server, told, signal, log });
      const report = { rooms, workers, seconds, churn_percent: churnPercent, ...numbers };
      if (json) io.out(JSON.stringify({ ...report, memory }));
      else for (const line of reportLines(report, memory)) io.out(line);
      return EXIT.ok;
    } finally {
      stop();
    }
  },
});

function reportLines(
  numbers: Readonly<Record<string, number>>,
  { curve_mb, slope_mb_per_min, first_third_mb, last_third_mb, verdict }: MemoryReport,
): string[] {
  return [
    ...Object.entries(numbers).map(([name, value]) => `${name.padEnd(15)} ${value}`),
    `${"memory".padEnd(15)} ${
      verdict === "too_short"
        ? "six minutes or more would tell whether it grows"
        : `${verdict}: ${slope_mb_per_min} MB a minute, ${first_third_mb} MB at first, ${last_third_mb} MB at last`
    }`,
    `${"each 30 s".padEnd(15)} ${curve_mb.join(" ")} MB`,
  ];
}

function isLoopback(server: string): boolean {
  const { hostname } = new URL(server);
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
