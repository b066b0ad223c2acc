/** How fast a file goes from one process to another, and what that costs. */

import { join } from "node:path";
import { z } from "zod";
import { rtcChoiceSchema } from "../../lib/runtime/config.ts";
import { digestFile } from "../../lib/runtime/file_digest.ts";
import type { Line } from "../lab/program.ts";
import { TransferLab, type TransferRole } from "../lab/transfer_lab.ts";
import type { Bench, Measurement } from "./bench.ts";
import { median, rounded } from "./statistics.ts";

const LIMIT_MS = 1_800_000;
const UNITS = new Map([["KB", 1e3], ["MB", 1e6], ["GB", 1e9]]);
const MIB = 1024 * 1024;

/**
 * Sends one file a round, between two halves of as many bytes on a bare channel: a machine that
 * becomes slower or faster meanwhile does so for both.
 */
export const bench: Bench = {
  summary: "Rate of a transfer between two processes",
  rounds: 3,
  options: {
    size: { value: "SIZE", summary: "Size of the file, such as 5GB (1GB, or 200MB on werift)" },
    rtc: { value: "BACKEND", summary: "native or werift (native where it loads)" },
    content: { value: "WHAT", summary: "noise, or sparse: a hole on the disk (noise if left out)" },
  },
  async *run({ rounds, options }) {
    const rtc = rtcChoiceSchema.parse(options.get("rtc") ?? "auto");
    const bytes = bytesOf(options.get("size") ?? (rtc === "werift" ? "200MB" : "1GB"));
    const content = z.enum(["noise", "sparse"]).parse(options.get("content") ?? "noise");
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-bench-" });
    try {
      await Deno.mkdir(join(folder, "from"));
      await Deno.mkdir(join(folder, "to"));
      const startedAt = performance.now();
      await makeFile(join(folder, "from", "file.bin"), bytes, content);
      const writeMs = performance.now() - startedAt;
      const all: Round[] = [];
      for (let round = 0; round < rounds; round++) {
        const measured = await measure(folder, { rtc, bytes });
        all.push(measured);
        yield summaryOf([measured], { bytes, writeMs });
      }
      yield summaryOf(all, { bytes, writeMs });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

interface Round {
  readonly rtc: string;
  readonly ms: number;
  readonly bareMs: number;
  /** CPU seconds of both processes. */
  readonly cpuS: number;
  readonly bareCpuS: number;
  /** The most memory that either has had, in MB, and by how much that is more than before. */
  readonly peakMb: number;
  readonly grownMb: number;
  readonly isEqual: boolean;
}

async function measure(
  folder: string,
  { rtc, bytes }: { rtc: z.infer<typeof rtcChoiceSchema>; bytes: number },
): Promise<Round> {
  await using lab = new TransferLab(folder);
  const ready = await lab.start("sender", rtc);
  await lab.start("receiver", rtc);
  const half = Math.ceil(bytes / 2);
  const start = await both(lab);
  const bareBeforeMs = await bare(lab, half);
  const before = await both(lab);
  const link = await lab.meet({ word: "meet" });
  const done = await lab.ended("sender", link, LIMIT_MS);
  if (done["event"] !== "done") throw new Error(`Expected a transfer, got ${done["reason"]}`);
  const after = await both(lab);
  const bareAfterMs = await bare(lab, half);
  const end = await both(lab);
  const sum = (lines: readonly Line[], name: string) =>
    lines.reduce((all, line) => all + Number(line[name]), 0);
  const pairs = after.map((line, at) => [line, before[at] ?? line] as const);
  const received = join(folder, "to", "files", "file.bin");
  const { sha256 } = await digestFile(received);
  const isEqual = sha256 === (await digestFile(join(folder, "from", "file.bin"))).sha256;
  await Deno.remove(received);
  return {
    rtc: String(ready["rtc"]),
    ms: Number(done["ms"]),
    bareMs: bareBeforeMs + bareAfterMs,
    cpuS: sum(after, "cpu_s") - sum(before, "cpu_s"),
    bareCpuS: sum(before, "cpu_s") - sum(start, "cpu_s") + sum(end, "cpu_s") - sum(after, "cpu_s"),
    peakMb: Math.max(...after.map((line) => Number(line["peak_mb"]))),
    grownMb: Math.max(
      ...pairs.map(([one, other]) => Number(one["peak_mb"]) - Number(other["rss_mb"])),
    ),
    isEqual,
  };
}

async function bare(lab: TransferLab, bytes: number): Promise<number> {
  const link = await lab.meet({ word: "bare", bytes });
  return Number((await lab.ended("sender", link, LIMIT_MS))["ms"]);
}

async function both(lab: TransferLab): Promise<readonly Line[]> {
  const roles: readonly TransferRole[] = ["sender", "receiver"];
  return await Promise.all(roles.map((role) => lab.facts(role)));
}

function summaryOf(
  rounds: readonly Round[],
  { bytes, writeMs }: { bytes: number; writeMs: number },
): Measurement {
  const rate = (ms: number) => bytes / 1e3 / ms;
  return {
    rtc: rounds[0]?.rtc ?? "",
    bytes,
    rounds: rounds.length,
    mb_per_s: rounded(median(rounds.map(({ ms }) => rate(ms)))),
    p50_ms: rounded(median(rounds.map(({ ms }) => ms))),
    cpu_s: rounded(median(rounds.map(({ cpuS }) => cpuS))),
    rss_mb: rounded(Math.max(...rounds.map(({ peakMb }) => peakMb))),
    rss_grown_mb: rounded(Math.max(...rounds.map(({ grownMb }) => grownMb))),
    bare_mb_per_s: rounded(median(rounds.map(({ bareMs }) => rate(bareMs)))),
    bare_cpu_s: rounded(median(rounds.map(({ bareCpuS }) => bareCpuS))),
    ratio: rounded(median(rounds.map(({ ms, bareMs }) => bareMs / ms))),
    // What this machine does with such a file where nothing else happens.
    write_mb_per_s: rounded(rate(writeMs)),
    sha256_equal: rounds.every(({ isEqual }) => isEqual),
  };
}

/** A number of bytes such as `200MB`. @throws {Error} Where it is none. */
export function bytesOf(text: string): number {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)\s?(KB|MB|GB)$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * (UNITS.get(unit.toUpperCase()) ?? NaN));
  if (number !== "" && bytes > 0) return bytes;
  throw new Error(`Expected --size as a number of KB, MB or GB, such as 200MB, got ${text}`);
}

async function makeFile(path: string, bytes: number, content: "noise" | "sparse"): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  if (content === "sparse") return await file.truncate(bytes);
  // One piece of noise with a number in front: no two blocks are the same, and nothing compresses.
  const piece = new Uint8Array(MIB);
  for (let at = 0; at < MIB; at += 65_536) crypto.getRandomValues(piece.subarray(at, at + 65_536));
  for (let at = 0; at < bytes; at += MIB) {
    new DataView(piece.buffer).setFloat64(0, at);
    await file.write(piece.subarray(0, Math.min(MIB, bytes - at)));
  }
}
