/**
 * Proves the signaling server against strangers, floods and restarts (issue 4): minutes of work, which
 * `deno task test` does in short. One JSON line a proof; exit 1 where one fails. Loopback only.
 */

import { parseArgs } from "node:util";
import { z } from "zod";
import { enter } from "./proof/entrance.ts";
import { withstandFlood } from "./proof/flood.ts";
import { fuzz } from "./proof/fuzz.ts";
import { standChurn } from "./proof/churn.ts";
import { killWhileWriting } from "./proof/kill.ts";
import { ProofServer } from "./proof/proof_server.ts";
import {
  type Finding,
  guessTokens,
  neverRead,
  restartUnderLoad,
  sendMountains,
  sitIdle,
} from "./proof/siege.ts";
import { tellRoomsApart } from "./proof/timing.ts";

const HELP =
  `Usage: deno task prove-signaling [NAME]... [--frames N] [--seed N] [--minutes N] [--churn PERCENT]

Names (all but churn if none is given): fuzz guesses timing flood idle mountains slow restart
  kill churn
  --frames N  Frames of the fuzz (1000000 if left out)
  --seed N    Where the fuzz begins (1 if left out)
  --minutes N Of churn in 100 rooms of ten workers (15 if left out)
  --churn N   Of 100 workers, how many leave and come each second (2 if left out)`;

const PROOFS: Readonly<Record<string, (server: ProofServer) => Promise<Finding>>> = {
  guesses: (server) => guessTokens(server, 10_000),
  timing: (server) => tellRoomsApart(server, 2_000),
  flood: (server) => withstandFlood(server, 5, 20),
  idle: (server) => sitIdle(server, 5_000),
  mountains: (server) => sendMountains(server, 50),
  slow: (server) => neverRead(server, 5),
  kill: (server) => killWhileWriting(server, 20),
  restart: (server) => restartUnderLoad(server, 200),
};

async function proveFuzz(frames: number, seed: number): Promise<Finding> {
  const report = await fuzz({ seed, frames, requests: Math.ceil(frames / 10) });
  const { violations, ...facts } = report;
  const ok = violations.length === 0;
  return { proof: "fuzz", ok, seed, ...facts, violations: violations.join(" | ") };
}

async function prove(args: readonly string[]): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      frames: { type: "string", default: "1000000" },
      seed: { type: "string", default: "1" },
      minutes: { type: "string", default: "15" },
      churn: { type: "string", default: "2" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    await say(HELP);
    return true;
  }
  const number = z.coerce.number().int().min(1);
  const wanted = z.array(z.enum(["fuzz", "churn", ...Object.keys(PROOFS)])).parse(positionals);
  const names = wanted.length > 0 ? wanted : ["fuzz", ...Object.keys(PROOFS)];
  let isGood = true;
  const told = async (finding: Finding) => {
    isGood &&= finding.ok;
    await say(JSON.stringify(finding));
  };
  const minutes = number.parse(values.minutes);
  const churnPercent = z.coerce.number().positive().max(20).parse(values.churn);
  for (const name of names) {
    const proof = name === "churn"
      ? (server: ProofServer) => standChurn(server, minutes, churnPercent, progress)
      : PROOFS[name];
    if (proof === undefined) {
      await told(await proveFuzz(number.parse(values.frames), number.parse(values.seed)));
      continue;
    }
    const server = await ProofServer.start();
    try {
      await told(await proof(server));
    } finally {
      await server.stop();
    }
  }
  return isGood;
}

function progress(afterSeconds: number, memoryMb: number): void {
  const line = `After ${afterSeconds} s the server holds ${Math.round(memoryMb)} MB\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(line));
}

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

if (import.meta.main) await enter(prove);
