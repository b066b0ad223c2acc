/**
 * One job with one kill in it: who is killed, when, and how the client comes back is drawn from a
 * seed. Knows what must hold afterwards, and throws where it does not.
 */

import { join } from "node:path";
import { z } from "zod";
import { below, pick, type Random } from "../../../lib/base/random.ts";
import { decodeJson } from "../../../lib/protocol/decode.ts";
import type { LabWorker } from "../../lab/lab.ts";
import type { Line, Program } from "../../lab/program.ts";
import { copyTraining, EPOCHS, noisyPackage, whyWrong } from "./copy_trainer.ts";
import type { JobRoom } from "./job_room.ts";

/** So much takes half a second on the native backend, and several on werift. */
const PACKAGE_BYTES = 60_000_000;
/** For one command to come to its end. What takes longer hangs. */
const COMMAND_MS = 240_000;
const REATTACH_S = 120;
/** A killed worker is started again within so long. */
const ABSENCE_MS_MAX = 3_000;

/** Who is killed. The admin runs the job too where it is its best worker. */
export const VICTIMS = ["client", "worker", "admin"] as const;
/** In which part of the job. */
export const PHASES = ["upload", "training", "download"] as const;

/** What is to happen in a round. */
export interface KillPlan {
  readonly victim: typeof VICTIMS[number];
  readonly phase: typeof PHASES[number];
  /** How far into the phase, from 0 to 1. */
  readonly share: number;
  readonly rtc: "native" | "werift";
  /** Which worker runs the job, in the order of their memory. */
  readonly rank: number;
  readonly absenceMs: number;
  /** The command by which a client comes back for results that are whole. */
  readonly wayBack: "follow" | "results";
}

/** How a round ended: whole, or with a failure and its reason. */
export interface KillOutcome {
  readonly ms: number;
  /** The client's own reason, where it has no results. */
  readonly failure: string | undefined;
  /** Whether the victim was killed before the job was over. */
  readonly isStruck: boolean;
}

const endSchema = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true) }),
  z.object({ ok: z.literal(false), error: z.string(), message: z.string().min(1) }),
]);

/** Draws a plan. Victims and phases take turns: nine rounds have each pair once, and three each of both. */
export function drawPlan(round: number, random: Random): KillPlan {
  const turn = round + Math.floor(round / VICTIMS.length) + 1;
  return {
    victim: VICTIMS[round % VICTIMS.length] ?? "client",
    phase: PHASES[turn % PHASES.length] ?? "upload",
    share: random.next(),
    rtc: pick(["native", "werift"] as const, random) ?? "native",
    rank: below(3, random),
    absenceMs: below(ABSENCE_MS_MAX, random),
    wayBack: pick(["follow", "results"] as const, random) ?? "follow",
  };
}

/**
 * Plays one round in a room at rest.
 *
 * @throws {Error} Where a command hangs, bytes are wrong, a job has two verdicts or none, or something
 * is left over.
 */
export async function playKill(room: JobRoom, plan: KillPlan): Promise<KillOutcome> {
  const folder = await Deno.makeTempDir({ dir: room.folder, prefix: "client-" });
  const known = new Set(room.verdicts(new Set()).keys());
  const startedAt = performance.now();
  const file = join(folder, "animal.pkg.slp");
  const results = join(folder, "results");
  await noisyPackage(file, PACKAGE_BYTES);
  const runs = room.workers[plan.rank];
  if (runs === undefined) throw new Error(`Expected a worker of rank ${plan.rank}`);
  const training = ["--worker", runs.peerId, ...await copyTraining(folder)];
  const ways = ["--json", "--rtc", plan.rtc, "--output", results];
  const patience = ["--reattach", String(REATTACH_S)];
  const train = () => room.lab.start(["train", file, ...training, ...ways, ...patience]);

  const first = train();
  await momentOf(first, plan);
  const isStruck = !first.lines.some(({ ok }) => ok !== undefined);
  let last = first;
  if (plan.victim === "client") {
    first.signal("SIGKILL");
    await first.exited(COMMAND_MS);
    if (!isThere(results)) last = comeBack(room, first, { plan, ways, patience, train });
  } else {
    await restart(room, plan.victim === "worker" ? runs : await adminOf(room), plan.absenceMs);
  }
  const failure = await endOf(last, results, isThere(results) && last === first);
  if (failure === undefined) {
    const wrong = await whyWrong(results, file);
    if (wrong !== undefined) throw new Error(wrong);
  } else if (isThere(results)) throw new Error(`There are results after "${failure}"`);
  const ms = performance.now() - startedAt;
  await room.rest();
  const verdicts = [...room.verdicts(known).values()];
  if (failure === undefined && !verdicts.includes("job_done")) {
    throw new Error(`There are results, but the verdicts are ${verdicts.join()}`);
  }
  // What has arrived of results stays for the next client where there are none in the end.
  const isPart = (name: string) => failure !== undefined && name.startsWith(".results.");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
    !isPart(name)
  ).sort();
  const wanted = ["animal.pkg.slp", "config.yaml", ...(failure === undefined ? ["results"] : [])];
  if (names.join() !== wanted.join()) throw new Error(`The client's folder has ${names.join()}`);
  await Deno.remove(folder, { recursive: true });
  return { ms, failure, isStruck };
}

/** Resolves when the job is as far as it is to be. */
async function momentOf(client: Program, { phase, share }: KillPlan): Promise<void> {
  const isBeyond = ({ bytes, bytes_max: max }: Line) => Number(bytes) >= share * Number(max);
  const wanted = (line: Line): boolean => {
    const { event, epoch } = line;
    if (line["ok"] !== undefined) return true;
    switch (phase) {
      case "upload":
        return event === "started" || event === "uploaded" && isBeyond(line);
      case "training":
        return event === "trained" || event === "epoch" && Number(epoch) >= share * (EPOCHS - 1);
      case "download":
        return event === "saved" || event === "downloaded" && isBeyond(line);
      default:
        return phase satisfies never;
    }
  };
  await client.line(wanted, `${share} of the ${phase}`, COMMAND_MS);
}

/** What a person does whose client has died: what that has said shows which command helps. */
function comeBack(
  room: JobRoom,
  { lines }: Program,
  { plan, ways, patience, train }: {
    readonly plan: KillPlan;
    readonly ways: readonly string[];
    readonly patience: readonly string[];
    readonly train: () => Program;
  },
): Program {
  const started = lines.find(({ event }) => event === "started");
  if (started === undefined) return train();
  const job = String(started["job_id"]);
  const isTrained = lines.some(({ event }) => event === "trained");
  return isTrained && plan.wayBack === "results"
    ? room.lab.start(["results", job, ...ways])
    : room.lab.start(["follow", job, ...ways, ...patience]);
}

async function restart(room: JobRoom, victim: LabWorker, absenceMs: number): Promise<void> {
  victim.program.signal("SIGKILL");
  await victim.program.exited(COMMAND_MS);
  await new Promise((resolve) => setTimeout(resolve, absenceMs));
  await room.start(victim.name);
}

/** The admin of a room at rest is its best worker. */
function adminOf({ workers: [admin] }: JobRoom): LabWorker {
  if (admin === undefined) throw new Error("Expected a worker");
  return admin;
}

/**
 * The reason that `program` gives for having no results; undefined where it has them.
 *
 * @param isOver Whether it was killed when the results were in their place.
 * @throws {Error} Where it hangs, ends by a fault, or says not exactly one last word.
 */
async function endOf(
  program: Program,
  results: string,
  isOver: boolean,
): Promise<string | undefined> {
  const { code } = await program.exited(COMMAND_MS);
  if (isOver && code !== 0 && isThere(results)) return undefined;
  const { stdout, stderr } = program.text;
  const words = program.lines.filter(({ ok }) => ok !== undefined);
  const end = decodeJson(stdout.trim().split("\n").at(-1) ?? "", endSchema);
  if (words.length !== 1 || !end.ok) {
    throw new Error(`Expected one last word, got ${words.length}, exit ${code}: ${stderr}`);
  }
  if (end.value.ok !== (code === 0) || code === 70) {
    throw new Error(`Expected an exit that fits its word, got ${code}: ${stderr}`);
  }
  return end.value.ok ? undefined : `${end.value.error}: ${end.value.message}`;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
