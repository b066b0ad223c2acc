/**
 * One seed: a room in trouble, in which nothing may go wrong, and then in quiet, in which it must come
 * to rest in time. After the VOPR of TigerBeetle.
 */

import { below, pick, type Random, SeededRandom } from "../../lib/base/random.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { Input } from "../../lib/mesh/input.ts";
import type { SlotEffect } from "../../lib/job/slot_effect.ts";
import type { SlotInput } from "../../lib/job/slot_input.ts";
import { isJobId } from "../../lib/base/id.ts";
import { shortcomingOf } from "../../lib/protocol/fitness.ts";
import type { WorkerList } from "../../lib/protocol/query.ts";
import type { CurrentJob } from "../../lib/protocol/worker.ts";
import type { Question } from "./asking_client.ts";
import type { LinkQuestion } from "./caller.ts";
import { ghostIn, pending } from "./convergence.ts";
import { Digest } from "./digest.ts";
import { cutInTwo, drawFaults } from "./faults.ts";
import type { DeskFault, SlotFactory } from "./job_desk.ts";
import { JobReferee, type JobTally } from "./job_referee.ts";
import { watchedBy, type WatchedDesk } from "./job_watcher.ts";
import { QueueReferee } from "./queue_referee.ts";
import { Referee } from "./referee.ts";
import type { NodeFactory } from "./surroundings.ts";
import { Violation } from "./violation.ts";
import type { WorkerLife } from "./worker_life.ts";
import { drawGpuMemory, World } from "./world.ts";

/** For a room to come to rest after trouble: the dead are mourned and forgotten within 75 s. */
const QUIET_MS = 100_000;
/** Some rooms are cut for longer than a worker remembers the dead, while all else goes wrong as well. */
const LONG_CUT = { share: 0.05, durationMs: 100_000 };
/**
 * In some rooms nobody reaches the server now and then, which forgets nothing meanwhile: for less or more
 * than the 45 s after which it gives a silent socket up.
 */
const OUTAGE = { share: 0.2, durationMs: 70_000, everyMs: 60_000 };
/** For a room to find out that it is whole, before those that it misses are started: a majority may be. */
const MISSED_MS = 70_000;
/** For one more client to be served: where one worker is left, they are so one after another. */
const SERVED_MS = 15_000;
/**
 * For everybody to know who is dead where nothing else is wrong: silence and check take 5.5 s, and
 * words that the network held back may speak of the dead once more.
 */
const MOURNING_MS = 13_500;
/** For a worker that was told to stop to be gone. */
const ENDING_MS = 200;
/** How long a room at rest is watched, after some time to finish what it was doing. */
const REST_MS = 8_000;
const SETTLE_MS = 4_000;
/** Between two looks at every node. */
const INSPECT_MS = 500;

/** What is asked of a simulation. */
export interface SimulationOptions {
  readonly seed: number;
  /** Takes each line of what happens. */
  readonly trace?: (line: string) => void;
  readonly createNode?: NodeFactory;
  readonly createSlot?: SlotFactory;
  readonly deskFault?: DeskFault;
}

/** What came of a seed. */
export interface Outcome {
  readonly seed: number;
  /** What went wrong, in words. */
  readonly violation: string | undefined;
  readonly virtualMs: number;
  readonly messages: number;
  readonly bytes: number;
  /** The same for the same seed and program. */
  readonly digest: string;
  /** Virtual time from the end of trouble to rest. */
  readonly convergedMs: number | undefined;
  readonly jobs: JobTally;
}

/** Runs one seed. Automerge must be ready. */
export function simulate(options: SimulationOptions): Outcome {
  const simulation = new Simulation(options);
  return simulation.run();
}

class Simulation {
  readonly #seed: number;
  readonly #random: Random;
  readonly #world: World;
  readonly #referee: Referee;
  readonly #queueReferee: QueueReferee;
  readonly #jobReferee: JobReferee;
  readonly #digest = new Digest();
  readonly #trace: ((line: string) => void) | undefined;
  #phase: "trouble" | "quiet" | "rest" = "trouble";
  #convergedMs: number | undefined;
  #jobs = 0;

  constructor({ seed, trace, createNode, createSlot, deskFault }: SimulationOptions) {
    this.#seed = seed;
    this.#trace = trace;
    this.#random = new SeededRandom(seed);
    this.#referee = new Referee(() => this.#world);
    this.#queueReferee = new QueueReferee(() => this.#world);
    this.#jobReferee = new JobReferee(() => this.#world.timeline.now);
    const count = this.#random.next() < 0.1
      ? 7 + below(4, this.#random)
      : 2 + below(5, this.#random);
    this.#world = new World({
      seed: seed ^ 0x5eed,
      gpuMemoryMb: drawGpuMemory(count, this.#random),
      latencyMs: [0.3, 1, 5, 40][below(4, this.#random)] ?? 1,
      watcher: this,
      clientWatcher: this,
      // Of its own chance, so that rooms without a queue stay as they were.
      queuers: [0, 0, 4, 8][below(4, new SeededRandom(seed ^ 0x9e0e))] ?? 0,
      jobWatcher: watchedBy(this.#jobReferee, (desk, input, effects) => {
        this.#jobStepped(desk, input, effects);
      }),
      createSlot,
      deskFault,
      ...(createNode === undefined ? {} : { createNode }),
    });
  }

  run(): Outcome {
    let violation: string | undefined;
    try {
      this.#inTrouble();
      this.#inQuiet();
      this.#atRest();
    } catch (error) {
      if (error instanceof Violation) violation = error.message;
      else violation = `Threw ${error instanceof Error ? error.stack : String(error)}`;
    }
    const { timeline, wire } = this.#world;
    this.#world.dispose();
    return {
      seed: this.#seed,
      violation: violation === undefined
        ? undefined
        : `${violation} (${this.#phase}, ${(timeline.now / 1000).toFixed(1)} s)`,
      virtualMs: timeline.now,
      ...wire.totals,
      // Besides what was done when, each word that was said.
      digest: this.#digest.add(wire.digest).hex,
      convergedMs: this.#convergedMs,
      jobs: this.#jobReferee.tally,
    };
  }

  stepped(life: WorkerLife, input: Input, effects: readonly Effect[]): void {
    const at = this.#world.timeline.now;
    this.#digest.add(`${at} ${life.name} ${input.type} ${effects.length}`);
    for (const effect of effects) {
      this.#digest.add(effect.type);
      if (effect.type === "send") {
        this.#digest.add(effect.message.type);
      }
      const unrest = this.#phase === "rest" ? unrestIn(effect) : undefined;
      if (unrest !== undefined) {
        const cause = input.type === "server_said" ? input.message.type : input.type;
        throw new Violation(`${life.name} ${unrest} in a room at rest, after ${cause}`);
      }
    }
    if (this.#trace !== undefined) this.#write(life, input, effects, this.#trace);
    this.#referee.stepped(life, input, effects);
    this.#queueReferee.stepped(life, effects);
  }

  #jobStepped(desk: WatchedDesk, input: SlotInput, effects: readonly SlotEffect[]): void {
    const at = this.#world.timeline.now;
    this.#digest.add(`${at} ${desk.name} ${input.type} ${effects.length}`);
    this.#trace?.(`${(at / 1000).toFixed(3)} ${desk.name} desk < ${JSON.stringify(input)}`);
    for (const effect of effects) {
      this.#trace?.(`${(at / 1000).toFixed(3)} ${desk.name} desk > ${JSON.stringify(effect)}`);
      if (effect.type !== "prepare") continue;
      const job = { job_id: effect.jobId, client_id: effect.client };
      this.#queueReferee.jobTaken(this.#world.worker(desk.name), job);
    }
  }

  #inTrouble(): void {
    const world = this.#world;
    const { timeline } = world;
    const random = this.#random;
    // Of its own chance, so that other rooms stay as they were.
    const chance = new SeededRandom(this.#seed ^ 0x10c6);
    const isLongCut = chance.next() < LONG_CUT.share;
    const until = 20_000 + 60_000 * random.next() + (isLongCut ? LONG_CUT.durationMs : 0);
    if (isLongCut) timeline.after(20_000 * chance.next(), () => cutInTwo(world, chance, until));
    if (chance.next() < OUTAGE.share) {
      const again = () => {
        if (this.#phase !== "trouble") return;
        this.#note("strikes: server unreachable");
        world.serverUnreachable(OUTAGE.durationMs * chance.next());
        timeline.after(OUTAGE.everyMs * chance.next(), again);
      };
      timeline.after(OUTAGE.everyMs * chance.next(), again);
    }
    for (const machine of world.machines) {
      timeline.after(
        random.next() < 0.2 ? until * random.next() : 2_000 * random.next(),
        () => world.start(machine),
      );
    }
    world.client.start();
    this.#inspectAgain();
    this.#workAgain(until);
    this.#botherAgain();
    for (const fault of drawFaults(random)) {
      this.#note(`fault: ${fault.name}, ${fault.wild > 1 ? "wild" : "mild"}`);
      const again = () => {
        if (this.#phase !== "trouble") return;
        this.#note(`strikes: ${fault.name}`);
        fault.strike(world, random);
        timeline.after(2 * fault.everyMs * random.next(), again);
      };
      timeline.after(2 * fault.everyMs * random.next(), again);
    }
    timeline.run(until);
  }

  #inQuiet(): void {
    this.#phase = "quiet";
    this.#note("quiet");
    const world = this.#world;
    const startedAt = world.timeline.now;
    world.mend();
    // Those that are about to end do so first: a room of nobody has nothing to show.
    world.timeline.run(startedAt + ENDING_MS);
    for (const machine of world.machines) if (this.#random.next() < 0.6) world.start(machine);
    if (world.lives.length === 0) world.startAll();
    this.#settleQueue();
    const waiting = world.queuers.filter(({ request }) => request !== undefined).length;
    const quietMs = QUIET_MS + SERVED_MS * waiting;
    let isWhole = false;
    let reason = pending(world);
    // The first rest may be a passing one: a dial, an expiry or a late close can still come.
    let restingSince: Instant | undefined;
    for (;;) {
      const now = world.timeline.now;
      reason = pending(world);
      restingSince = reason === undefined ? restingSince ?? now : undefined;
      if (restingSince !== undefined && now - restingSince >= SETTLE_MS) {
        this.#convergedMs = restingSince - startedAt;
        return;
      }
      // A minority waits for the others for ever, and must not find itself a majority meanwhile.
      if (
        !isWhole && now - startedAt > MISSED_MS && world.lives.some((life) => life.view.partitioned)
      ) {
        isWhole = true;
        world.startAll();
      }
      if (now - startedAt > quietMs) {
        throw new Violation(`No rest: ${reason ?? "it does not last"}`);
      }
      world.timeline.run(now + 250);
    }
  }

  #atRest(): void {
    this.#note("rest");
    // Deaths of before the trouble ended are forgotten up to here, links of the dead expire.
    const { timeline } = this.#world;
    timeline.run(timeline.now + SETTLE_MS);
    this.#phase = "rest";
    timeline.run(timeline.now + REST_MS);
    this.#referee.inspect();
    const { linked } = this.#world.client;
    const reason = pending(this.#world) ?? this.#jobReferee.unrest(this.#desks) ??
      (linked ? undefined : "The client has no link");
    if (reason !== undefined) throw new Violation(`No rest after all: ${reason}`);
  }

  linkAnswerDue(question: LinkQuestion): void {
    const atRest = this.#phase === "rest";
    this.#referee.judgeLink(question, atRest);
    if (atRest && question.answer !== undefined) this.#checkList(question.answer, question.worker);
  }

  answerDue(question: Question): void {
    this.#referee.judge(question);
    if (this.#phase !== "rest") return;
    if (question.answer === undefined) {
      throw new Violation(`A client was not answered at rest (${question.refusal ?? "silence"})`);
    }
    this.#checkList(question.answer, "The admin");
  }

  /** At rest, whoever is asked lists all who live. */
  #checkList({ workers }: WorkerList, asked: string): void {
    const living = workers.filter((worker) => worker.alive).map((worker) => worker.peer_id);
    const missing = this.#world.lives.find((life) => !living.includes(life.peerId));
    if (missing !== undefined) throw new Violation(`${asked} does not list ${missing.name}`);
  }

  /** The desks of all that live. */
  get #desks(): WatchedDesk[] {
    return this.#world.lives.flatMap(({ desk }) => desk ?? []);
  }

  #inspectAgain(): void {
    this.#referee.inspect();
    this.#queueReferee.inspect();
    this.#jobReferee.inspect(this.#desks);
    this.#checkGhosts();
    this.#world.timeline.after(INSPECT_MS, () => this.#inspectAgain());
  }

  /** The dead are known in time, in the midst of trouble too where nothing else was wrong for a while. */
  #checkGhosts(): void {
    const { timeline, wellSince } = this.#world;
    const before = timeline.now - MOURNING_MS;
    const ghost = wellSince < before ? ghostIn(this.#world, before) : undefined;
    if (ghost !== undefined) throw new Violation(`Not within ${MOURNING_MS} ms: ${ghost}`);
  }

  #workAgain(until: Instant): void {
    const { timeline, lives, workshop } = this.#world;
    // Where jobs are run, they alone say what a worker does.
    if (timeline.now >= until || workshop !== undefined) return;
    const life = pick(
      lives.filter((one) => one.state === "running" && one.status !== "left"),
      this.#random,
    );
    if (life !== undefined) {
      if (life.status === "available") life.work("busy", this.#newJob());
      else life.work("available", null);
    }
    timeline.after(6_000 * this.#random.next(), () => this.#workAgain(until));
  }

  /**
   * Now and then a client is killed, comes back, has enough, or lets its turn pass; a trainer is killed,
   * or a worker in the middle of a job.
   */
  #botherAgain(): void {
    const { queuers, timeline, workshop } = this.#world;
    const random = this.#random;
    // A draw in a room without a queue would make another room of it.
    if (queuers.length === 0 || this.#phase !== "trouble") return;
    const queuer = pick(queuers, random);
    if (queuer === undefined) return;
    const strike = [
      () => queuer.kill(),
      () => queuer.revive(),
      () => queuer.withdraw(),
      () => queuer.idle(30_000),
      () => workshop?.killTrainer(),
      () => this.#killAtJob(),
    ][below(6, random)];
    strike?.();
    timeline.after(5_000 * random.next(), () => this.#botherAgain());
  }

  #killAtJob(): void {
    const { machines } = this.#world;
    const random = this.#random;
    const atJob = machines.filter(({ life }) => life?.desk?.jobId !== undefined);
    const machine = pick(atJob, random);
    if (machine === undefined) return;
    machine.life?.kill(random.next() < 0.3);
    this.#world.startLater(machine, 100 + 5_000 * random.next());
  }

  /** All that wait come for their turn, but those for whom no worker is left that fits. */
  #settleQueue(): void {
    const { lives, queuers } = this.#world;
    if (queuers.length === 0) return;
    for (const queuer of queuers) {
      queuer.wantsMore = false;
      queuer.idle(0);
      queuer.revive();
      const { request } = queuer;
      const fits = ({ peerId: peer_id, metadata }: WorkerLife) =>
        request !== undefined &&
        shortcomingOf({ peer_id, metadata, status: "available" }, request.needs) === undefined;
      if (!lives.some(fits)) queuer.withdraw();
    }
  }

  #newJob(): CurrentJob {
    const job_id = `job-${String(++this.#jobs).padStart(8, "0")}`;
    const client_id = this.#world.machines[0]?.peerId;
    if (!isJobId(job_id) || client_id === undefined) {
      throw new Error(`Expected a job, got ${job_id}`);
    }
    return { job_id, client_id };
  }

  #note(what: string): void {
    this.#trace?.(`${(this.#world.timeline.now / 1000).toFixed(3)} ### ${what}`);
  }

  #write(
    life: WorkerLife,
    input: Input,
    effects: readonly Effect[],
    trace: (line: string) => void,
  ): void {
    const at = (this.#world.timeline.now / 1000).toFixed(3);
    trace(`${at} ${life.name} < ${JSON.stringify(input)}`);
    for (const effect of effects) trace(`${at} ${life.name}     > ${JSON.stringify(effect)}`);
  }
}

/**
 * What a worker at rest says to the server: it answers a client that dials it, and asks whether the
 * server is there where its word would decide, as long as one of two is mourned.
 */
const WORDS_AT_REST: ReadonlySet<string> = new Set(["mesh_answer", "ice_candidate", "ping"]);

/** What a worker at rest does not do: it answers and gives signs of life, and that is all. */
function unrestIn(effect: Effect): string | undefined {
  switch (effect.type) {
    case "send":
      return effect.message.type === "heartbeat" ? undefined : `says ${effect.message.type}`;
    case "tell_server": {
      const { type } = effect.message;
      return WORDS_AT_REST.has(type) ? undefined : `tells the server ${type}`;
    }
    case "dial":
      return `dials ${effect.peerId}`;
    default:
      return undefined;
  }
}
