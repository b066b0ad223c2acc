/**
 * Proves the mesh on real links with separate processes (issue 3): over loopback, and where there is
 * root in the network laboratory, a namespace for every worker. Minutes of work, which `deno task test`
 * does in short. One JSON line a proof; exit 1 where one fails.
 */

import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { z } from "zod";
import { type RtcChoice, rtcChoiceSchema } from "../lib/runtime/config.ts";
import { median, rounded } from "./bench/statistics.ts";
import { Netlab, whyNoNetlab } from "./lab/netlab.ts";
import { MeshRoom } from "./proof/mesh/mesh_room.ts";
import { cutOneWay, formUnder, split, trainUnder } from "./proof/mesh/network_fault.ts";
import {
  form,
  freeze,
  kill,
  leave,
  type Measured,
  pause,
  server,
} from "./proof/mesh/process_fault.ts";

const HELP = `Usage: deno task prove-mesh [NAME]... [--workers N] [--rounds N] [--rtc BACKEND]

Names over loopback (all if none is given):
  form leave kill pause freeze server
Names in the network laboratory, which needs root, ip, python3 and ../shared/tools:
  loss-5 loss-20 delay-200 one-way one-way-admin
  split-3-7 split-3-7-server split-3-7-alone split-5-5 split-5-5-server split-5-5-alone
  train-far
  --workers N    Workers of proofs over loopback (5 and then 10 if left out)
  --rounds N     Times that each is done (1 if left out)
  --rtc BACKEND  native or werift (native where it loads)`;

const LAB_WORKERS = 10;
const FAR = { loss: 0.05, delay: 200 };

const THREE = [0, 1, 2];
const SEVEN = [3, 4, 5, 6, 7, 8, 9];
const FIRST_HALF = [0, 1, 2, 3, 4];
const SECOND_HALF = [5, 6, 7, 8, 9];

const PROCESS_PROOFS: Readonly<
  Record<string, (room: MeshRoom, count: number) => Promise<Measured>>
> = { form, leave, kill, pause, freeze, server };

type NetworkProof = (room: MeshRoom, net: Netlab) => Promise<Measured>;

/** The best worker, the admin, is always on the first side. */
const NETWORK_PROOFS: Readonly<Record<string, NetworkProof>> = {
  "loss-5": (room, net) => formUnder({ loss: 0.05 }, room, net, LAB_WORKERS),
  "loss-20": (room, net) => formUnder({ loss: 0.2 }, room, net, LAB_WORKERS),
  "delay-200": (room, net) => formUnder({ delay: 200 }, room, net, LAB_WORKERS),
  "one-way": (room, net) => cutOneWay([1, 2], room, net, LAB_WORKERS),
  "one-way-admin": (room, net) => cutOneWay([0, 4], room, net, LAB_WORKERS),
  "split-3-7": (room, net) => split({ sides: [THREE, SEVEN], server: 1, leads: 1 }, room, net),
  "split-3-7-server": (room, net) =>
    split({ sides: [THREE, SEVEN], server: 0, leads: 1 }, room, net),
  "split-3-7-alone": (room, net) =>
    split({ sides: [THREE, SEVEN], server: undefined, leads: 1 }, room, net),
  "split-5-5": (room, net) =>
    split({ sides: [FIRST_HALF, SECOND_HALF], server: 0, leads: 0 }, room, net),
  "split-5-5-server": (room, net) =>
    split({ sides: [FIRST_HALF, SECOND_HALF], server: 1, leads: 1 }, room, net),
  "split-5-5-alone": (room, net) =>
    split({ sides: [FIRST_HALF, SECOND_HALF], server: undefined, leads: undefined }, room, net),
  "train-far": (room, net) => trainUnder(FAR, room, net, 3),
};

/** What one proof came to. */
type Finding = Readonly<Record<string, string | number | boolean>>;

async function overLoopback(name: string, rtc: RtcChoice, count: number): Promise<Measured> {
  const play = PROCESS_PROOFS[name];
  if (play === undefined) throw new Error(`Expected a proof over loopback, got ${name}`);
  await using room = await MeshRoom.open(rtc);
  return await play(room, count);
}

async function inNetlab(name: string, rtc: RtcChoice): Promise<Measured> {
  const play = NETWORK_PROOFS[name];
  if (play === undefined) throw new Error(`Expected a proof in the netlab, got ${name}`);
  await using net = await Netlab.open(LAB_WORKERS);
  await using room = await MeshRoom.open(rtc, net);
  return await play(room, net);
}

/** Plays `rounds` rounds, and tells the median and the worst of each figure, or why a round failed. */
async function found(
  name: Finding,
  rounds: number,
  play: () => Promise<Measured>,
): Promise<Finding> {
  const all: Measured[] = [];
  const reasons: string[] = [];
  for (let round = 1; round <= rounds; round++) {
    try {
      all.push(await play());
    } catch (error) {
      reasons.push(`round ${round}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const facts = { ...name, ok: reasons.length === 0, rounds, ...summaryOf(all) };
  return reasons.length === 0 ? facts : { ...facts, reason: reasons.join(" | ") };
}

function summaryOf(all: readonly Measured[]): Measured {
  const summary: Record<string, number> = {};
  for (const name of Object.keys(all[0] ?? {})) {
    const values = all.map((measured) => measured[name] ?? NaN);
    const [stem, unit] = name.endsWith("_ms") ? [name.slice(0, -3), "_ms"] : [name, ""];
    summary[`${stem}_p50${unit}`] = rounded(median(values));
    summary[`${stem}_max${unit}`] = rounded(Math.max(...values));
  }
  return summary;
}

async function prove(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      workers: { type: "string" },
      rounds: { type: "string", default: "1" },
      rtc: { type: "string", default: "auto" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    await say(HELP);
    return true;
  }
  const names = [...Object.keys(PROCESS_PROOFS), ...Object.keys(NETWORK_PROOFS)];
  const given = z.array(z.enum(names)).parse(positionals);
  const wanted = given.length > 0 ? given : names;
  const rounds = z.coerce.number().int().min(1).max(100).parse(values.rounds);
  const rtc = rtcChoiceSchema.parse(values.rtc);
  const countSchema = z.coerce.number().int().min(3).max(10);
  const counts = values.workers === undefined ? [5, 10] : [countSchema.parse(values.workers)];
  const noNetlab = await whyNoNetlab();
  let isGood = true;
  for (const proof of wanted) {
    if (proof in NETWORK_PROOFS) {
      if (noNetlab !== undefined) {
        await say(JSON.stringify({ proof, skipped: noNetlab }));
        continue;
      }
      const name = { proof, workers: LAB_WORKERS, rtc };
      const finding = await found(name, rounds, () => inNetlab(proof, rtc));
      isGood &&= finding["ok"] === true;
      await say(JSON.stringify(finding));
      continue;
    }
    for (const workers of counts) {
      const name = { proof, workers, rtc };
      const finding = await found(name, rounds, () => overLoopback(proof, rtc, workers));
      isGood &&= finding["ok"] === true;
      await say(JSON.stringify(finding));
    }
  }
  return isGood;
}

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) {
  process.chdir(join(import.meta.dirname ?? ".", ".."));
  process.exitCode = await prove(Deno.args) ? 0 : 1;
}
