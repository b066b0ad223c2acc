/**
 * Proves the mesh on real links with separate processes (issue 3): over loopback, and where there is
 * root in the network laboratory, a namespace for every worker. Minutes of work, which `deno task test`
 * does in short. One JSON line a proof; exit 1 where one fails.
 */

import { parseArgs } from "node:util";
import { z } from "zod";
import { rtcChoiceSchema } from "../lib/runtime/config.ts";
import { whyNoNetlab } from "./lab/netlab.ts";
import {
  cutOneWay,
  formUnder,
  HOLD_MS,
  type Split,
  split,
  trainUnder,
} from "./proof/mesh/network_fault.ts";
import { enter } from "./proof/entrance.ts";
import { freeze, kill, leave, pause, server } from "./proof/mesh/process_fault.ts";
import {
  type Finding,
  type NetworkProof,
  type ProcessProof,
  Proving,
} from "./proof/mesh/proving.ts";

const HELP =
  `Usage: deno task prove-mesh [NAME]... [--workers N] [--rounds N] [--rtc BACKEND] [--logs FOLDER]

Names over loopback (all if none is given):
  form leave kill pause freeze server
Names in the network laboratory, which needs root, ip, python3 and ../shared/tools:
  loss-5 loss-20 delay-200 one-way one-way-admin
  split-1-2 split-3-7 split-3-7-server split-3-7-alone split-5-5 split-5-5-server split-5-5-alone
  train-far
  --workers N    Workers of proofs over loopback (5 and then 10 if left out)
  --rounds N     Times that each is done (1 if left out)
  --rtc BACKEND  native or werift (native where it loads)
  --logs FOLDER  Where the logs of the workers of a failed round are put`;

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

const FAR = { loss: 0.05, delay: 200 };

const THREE = [0, 1, 2];
const SEVEN = [3, 4, 5, 6, 7, 8, 9];
const FIRST_HALF = [0, 1, 2, 3, 4];
const SECOND_HALF = [5, 6, 7, 8, 9];

/** What befalls a room once it has formed; undefined where that is all. */
const PROCESS_PROOFS: Readonly<Record<string, ProcessProof | undefined>> = {
  form: undefined,
  leave,
  kill,
  pause,
  freeze,
  server,
};

/** The best worker, the admin, is always on the first side. */
const SPLITS: Readonly<Record<string, Split>> = {
  "split-1-2": { sides: [[0], [1, 2]], server: 1, leads: 1, holdMs: 0 },
  "split-3-7": { sides: [THREE, SEVEN], server: 1, leads: 1, holdMs: HOLD_MS },
  "split-3-7-server": { sides: [THREE, SEVEN], server: 0, leads: 1, holdMs: HOLD_MS },
  "split-3-7-alone": { sides: [THREE, SEVEN], server: undefined, leads: 1, holdMs: HOLD_MS },
  "split-5-5": { sides: [FIRST_HALF, SECOND_HALF], server: 0, leads: 0, holdMs: HOLD_MS },
  "split-5-5-server": { sides: [FIRST_HALF, SECOND_HALF], server: 1, leads: 1, holdMs: HOLD_MS },
  "split-5-5-alone": {
    sides: [FIRST_HALF, SECOND_HALF],
    server: undefined,
    leads: undefined,
    holdMs: HOLD_MS,
  },
};

const NETWORK_PROOFS: Readonly<Record<string, NetworkProof>> = {
  "loss-5": { workers: 10, play: (room, net) => formUnder({ loss: 0.05 }, room, net) },
  "loss-20": { workers: 10, play: (room, net) => formUnder({ loss: 0.2 }, room, net) },
  "delay-200": { workers: 10, play: (room, net) => formUnder({ delay: 200 }, room, net) },
  "one-way": { workers: 10, play: (room, net) => cutOneWay([1, 2], room, net) },
  "one-way-admin": { workers: 10, play: (room, net) => cutOneWay([0, 4], room, net) },
  ...Object.fromEntries(
    Object.entries(SPLITS).map(([name, cut]) => [
      name,
      {
        workers: cut.sides.flat().length,
        play: (room, net) => split(cut, room, net),
      } satisfies NetworkProof,
    ]),
  ),
  "train-far": { workers: 3, play: (room, net) => trainUnder(FAR, room, net) },
};

async function prove(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      workers: { type: "string" },
      rounds: { type: "string", default: "1" },
      rtc: { type: "string", default: "auto" },
      logs: { type: "string" },
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
  const proving = new Proving({ rtc, rounds, logs: values.logs });
  const interrupt = () => proving.interrupt();
  for (const signal of SIGNALS) Deno.addSignalListener(signal, interrupt);
  let isGood = true;
  const told = async (finding: Finding) => {
    isGood &&= finding["ok"] !== false;
    await say(JSON.stringify(finding));
  };
  for (const proof of wanted) {
    const inNetlab = NETWORK_PROOFS[proof];
    if (inNetlab === undefined) {
      for (const workers of counts) {
        await told(await proving.overLoopback(proof, workers, PROCESS_PROOFS[proof]));
      }
    } else if (noNetlab !== undefined) await told({ proof, skipped: noNetlab });
    else await told(await proving.inNetlab(proof, inNetlab));
  }
  for (const signal of SIGNALS) Deno.removeSignalListener(signal, interrupt);
  return isGood;
}

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) await enter(prove);
