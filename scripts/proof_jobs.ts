/**
 * Proves that jobs and files survive (issue 5), with separate processes: kills, a file larger than
 * memory, full disks, a network that loses. Minutes of work. One JSON line a proof; exit 1 where one
 * fails.
 */

import { parseArgs } from "node:util";
import { z } from "zod";
import { rtcChoiceSchema } from "../lib/runtime/config.ts";
import { whyNoNetlab } from "./lab/netlab.ts";
import { enter } from "./proof/entrance.ts";
import { proveBig } from "./proof/jobs/big.ts";
import { proveFullDisk } from "./proof/jobs/full_disk.ts";
import { proveKills } from "./proof/jobs/kills.ts";
import { proveLoss } from "./proof/jobs/loss.ts";
import { type Finding, type Proof, whyNoRoot } from "./proof/jobs/proof.ts";

const HELP =
  `Usage: deno task prove-jobs [NAME]... [--rounds N] [--seed N] [--rtc BACKEND] [--verbose]

Names (all if none is given):
  kills      Client, worker or admin is killed in an upload, a training or a download
  big        A file of 5 GB, and the memory of both sides
  full-disk  Disks that are too small, or fill up; needs root
  loss       A training across 20 % loss; needs root, ip, python3 and ../shared/tools
  --rounds N     Times that each is done (50 kills, 1 of each other if left out)
  --seed N       Where the kills are drawn from (1 if left out)
  --rtc BACKEND  native or werift of the workers (native where it loads)
  --verbose      Tell each round on the standard error`;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const KILL_ROUNDS = 50;

interface Entry {
  readonly prove: Proof;
  readonly rounds: number;
  /** Why it cannot be played here; undefined where it can. */
  readonly whyNot?: () => Promise<string | undefined> | string | undefined;
}

const PROOFS: Readonly<Record<string, Entry>> = {
  kills: { prove: proveKills, rounds: KILL_ROUNDS },
  big: { prove: proveBig, rounds: 1 },
  "full-disk": { prove: proveFullDisk, rounds: 1, whyNot: whyNoRoot },
  loss: { prove: proveLoss, rounds: 1, whyNot: whyNoNetlab },
};

async function prove(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      seed: { type: "string", default: "1" },
      rtc: { type: "string", default: "auto" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    await say(Deno.stdout, HELP);
    return true;
  }
  const names = z.array(z.enum(Object.keys(PROOFS))).parse(positionals);
  const roundsSchema = z.coerce.number().int().min(1).max(1_000).optional();
  const rounds = roundsSchema.parse(values.rounds);
  const seed = z.coerce.number().int().parse(values.seed);
  const rtc = rtcChoiceSchema.parse(values.rtc);
  const interruption = new AbortController();
  const interrupt = () => interruption.abort(new Error("Interrupted"));
  for (const signal of SIGNALS) Deno.addSignalListener(signal, interrupt);
  const tell = (line: string) => values.verbose ? void say(Deno.stderr, line) : undefined;
  let isGood = true;
  for (const [name, entry] of Object.entries(PROOFS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const { signal } = interruption;
    const options = { rounds: rounds ?? entry.rounds, seed, rtc, signal, tell };
    const finding = await findingOf(entry, options);
    isGood &&= finding["ok"] !== false;
    await say(Deno.stdout, JSON.stringify({ proof: name, ...finding }));
  }
  for (const signal of SIGNALS) Deno.removeSignalListener(signal, interrupt);
  return isGood;
}

async function findingOf(
  { prove, whyNot }: Entry,
  options: Parameters<Proof>[0],
): Promise<Finding> {
  const skipped = await whyNot?.();
  if (skipped !== undefined) return { skipped };
  try {
    options.signal.throwIfAborted();
    return await prove(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, reason: options.signal.aborted ? `interrupted: ${reason}` : reason };
  }
}

async function say(stream: { write(bytes: Uint8Array): Promise<number> }, line: string) {
  await stream.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) await enter(prove);
