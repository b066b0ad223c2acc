/** A file of 5 GB from one process to another, and what memory that takes. Knows nothing of rooms. */

import { join } from "node:path";
import { digestFile } from "../../../lib/runtime/file_digest.ts";
import { rounded } from "../../bench/statistics.ts";
import { TransferLab, type TransferRole } from "../../lab/transfer_lab.ts";
import type { Finding, ProofOptions } from "./proof.ts";

const BYTES = 5_000_000_000;
/** What a bare channel carries before, so that its own memory is part of the baseline. */
const BARE_BYTES = 200_000_000;
const LIMIT_MS = 3_600_000;
/** What either side may take beyond what a bare channel takes, in MB. */
const GROWN_MB_MAX = 64 * 1.048576;
const ROLES: readonly TransferRole[] = ["sender", "receiver"];

/** Sends a file that is one hole on the disk, and wants it whole and in little memory. */
export async function proveBig({ rtc, signal }: ProofOptions): Promise<Finding> {
  await using leave = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-proof-" });
  leave.defer(() => Deno.remove(folder, { recursive: true }));
  for (const name of ["from", "to"]) await Deno.mkdir(join(folder, name));
  const sent = join(folder, "from", "file.bin");
  await Deno.writeFile(sent, new Uint8Array());
  await Deno.truncate(sent, BYTES);
  const lab = leave.use(new TransferLab(folder));
  const interrupt = () => lab[Symbol.asyncDispose]();
  signal.addEventListener("abort", interrupt);
  leave.defer(() => signal.removeEventListener("abort", interrupt));
  for (const role of ROLES) await lab.start(role, rtc);
  const memory = (name: string) =>
    Promise.all(ROLES.map(async (role) => Number((await lab.facts(role))[name])));
  const ready = await memory("rss_mb");
  await lab.ended("sender", await lab.meet({ word: "bare", bytes: BARE_BYTES }), LIMIT_MS);
  const before = await memory("rss_mb");
  const link = await lab.meet({ word: "meet" });
  const ends = await Promise.all(ROLES.map((role) => lab.ended(role, link, LIMIT_MS)));
  for (const { event, reason } of ends) {
    if (event !== "done") throw new Error(`Expected a transfer, got ${reason}`);
  }
  const peaks = await memory("peak_mb");
  const grown = peaks.map((peak, at) => rounded(peak - (before[at] ?? 0)));
  const [sender_grown_mb = NaN, receiver_grown_mb = NaN] = grown;
  const ms = Number(ends[0]?.["ms"]);
  const received = await digestFile(join(folder, "to", "files", "file.bin"));
  const isEqual = received.sha256 === (await digestFile(sent)).sha256;
  return {
    ok: isEqual && grown.every((mb) => mb <= GROWN_MB_MAX),
    bytes: BYTES,
    mb_per_s: rounded(BYTES / 1e3 / ms),
    sender_grown_mb,
    receiver_grown_mb,
    grown_mb_max: rounded(GROWN_MB_MAX),
    ready_mb: rounded(Math.max(...ready)),
    bare_mb: rounded(Math.max(...before)),
    rss_mb: rounded(Math.max(...peaks)),
    sha256_equal: isEqual,
  };
}
