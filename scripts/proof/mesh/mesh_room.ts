/**
 * A room of real workers as a person sees it: what the workers log, and what `discover` says. For the
 * proofs of the mesh; breaks nothing itself.
 */

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import type { PeerId } from "../../../lib/base/id.ts";
import type { WorkerList } from "../../../lib/protocol/query.ts";
import type { RtcChoice } from "../../../lib/runtime/config.ts";
import { Lab, type LabWorker } from "../../lab/lab.ts";
import type { Line } from "../../lab/program.ts";
import { LOOPBACK, type Place, SERVER_PLACE, type Site } from "../../lab/site.ts";
import { type Answer, answerOf } from "./answer.ts";

/** For one `discover` to come to its end, over a network that loses much. */
const DISCOVER_MS = 60_000;
const POLL_MS = 100;
/** Runs of `discover` at once. Higher: sooner known; lower: the workers are starved less for it. */
const DISCOVERS_MAX = 3;

/** What the room is expected to be like. */
export interface Expected {
  readonly admin: LabWorker;
  /** Those who live, all of whom must see each other. */
  readonly living: readonly LabWorker[];
}

/** Where each worker's words are, at a moment. */
export interface Mark {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly lines: ReadonlyMap<LabWorker, number>;
}

/** A room with workers. */
export class MeshRoom implements AsyncDisposable {
  readonly lab: Lab;
  readonly #folder: string;
  readonly #gone = new Set<LabWorker>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.#folder = folder;
  }

  /** A server and an empty room. */
  static async open(rtc: RtcChoice, site: Site = LOOPBACK): Promise<MeshRoom> {
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-proof-" });
    try {
      return new MeshRoom(await Lab.open(folder, rtc, undefined, { site }), folder);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** The workers that are in the room, the best first: it is the one to be admin. */
  get workers(): readonly LabWorker[] {
    return this.lab.workers.filter((worker) => !this.#gone.has(worker));
  }

  /** Ends `worker` by `signal`: it is in the room no longer. */
  remove(worker: LabWorker, signal: "SIGTERM" | "SIGKILL"): void {
    this.#gone.add(worker);
    worker.program.signal(signal);
  }

  /** The worker that comes at `rank`, from 0. */
  worker(rank: number): LabWorker {
    const worker = this.workers[rank];
    if (worker === undefined) throw new Error(`Expected more than ${rank} workers in the room`);
    return worker;
  }

  /**
   * Starts `count` workers at once and waits until each is linked to all others. Gives the time from the
   * moment at which the last was ready to enter the room.
   *
   * @throws {Error} Where that takes longer than `limitMs`.
   */
  async form(count: number, limitMs: number): Promise<number> {
    await this.lab.addWorkers(
      Array.from({ length: count }, (_, rank) => ({
        name: `w${rank + 1}`,
        gpuMemoryMb: 24_000 - 1_000 * rank,
      })),
    );
    const whole = await this.lab.meshed(this.workers, limitMs);
    const entering = this.workers.map(({ program }) =>
      timeOf(program.lines.find(({ rtc, time }) => rtc !== undefined && time !== undefined))
    );
    return latestOf(whole) - Math.max(...entering);
  }

  /** Where `workers` are in their words now. */
  mark(workers: readonly LabWorker[] = this.workers): Mark {
    const lines = workers.map((worker) => [worker, worker.program.lines.length] as const);
    return { at: Date.now(), lines: new Map(lines) };
  }

  /**
   * Waits until each marked worker has logged `event` with `facts`, and gives the time from the mark
   * until the last did.
   *
   * @throws {Error} Where one does not within `limitMs`, with what it said last.
   */
  async logged(
    mark: Mark,
    event: string,
    limitMs: number,
    facts: Readonly<Record<string, unknown>> = {},
  ): Promise<number> {
    const wanted = (line: Line) =>
      line["event"] === event &&
      Object.entries(facts).every(([name, value]) => line[name] === value);
    const what = `${event} ${JSON.stringify(facts)}`;
    const lines = await Promise.all(
      [...mark.lines].map(([worker, from]) => worker.program.line(wanted, what, limitMs, from)),
    );
    return latestOf(lines) - mark.at;
  }

  /** How many times the marked workers have logged `event` since. */
  count(mark: Mark, event: string): number {
    return [...mark.lines]
      .flatMap(([worker, from]) => worker.program.lines.slice(from))
      .filter((line) => line["event"] === event).length;
  }

  /**
   * Asserts that no marked worker has logged any of `events` since.
   *
   * @throws {AssertionError} With the first line that one has.
   */
  assertSilent(mark: Mark, ...events: readonly string[]): void {
    for (const [{ name, program }, from] of mark.lines) {
      const said = program.lines.slice(from).find(({ event }) => events.includes(String(event)));
      assert.equal(said, undefined, `${name} said ${JSON.stringify(said)}`);
    }
  }

  /** Whom the marked workers have declared dead since, one name for each declaration. */
  declaredDead(mark: Mark): readonly unknown[] {
    return [...mark.lines]
      .flatMap(([worker, from]) => worker.program.lines.slice(from))
      .filter((line) => line["event"] === "peer_dead").map((line) => line["peer_id"]);
  }

  /**
   * Resolves after `forMs`, or rejects when the room closes: for faults that last, and for silences in
   * which nothing may happen.
   */
  async elapsed(forMs: number): Promise<void> {
    await pause(forMs, undefined, { signal: this.#closing.signal });
  }

  /** Whether it closes, or is closed. */
  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Runs `discover` at `place`, asking the admin, or a worker over a link. */
  async discover(place: Place = SERVER_PLACE, from?: PeerId): Promise<Answer> {
    const asked = from === undefined ? [] : ["--from", from];
    const program = this.lab.start(["discover", "--json", ...asked], {}, place);
    await program.exited(DISCOVER_MS);
    return answerOf(program);
  }

  /**
   * Waits until every living worker, asked by `discover` one by one, says the same: the same admin and
   * epoch, not stale, all the living alive, and entries that are equal to the last byte.
   *
   * @throws {Error} Where they do not within `limitMs`, with who says what else.
   */
  async agreed(expected: Expected, limitMs: number, place: Place = SERVER_PLACE): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const answers = await this.#ask(expected.living, place);
      const objections = answers.flatMap(({ worker, answer }) => {
        const objection = objectionTo(answer, answers[0]?.answer, expected);
        return objection === undefined ? [] : [`${worker.name} ${objection}`];
      });
      if (objections.length === 0) return;
      this.#closing.signal.throwIfAborted();
      if (performance.now() > deadline) {
        throw new Error(
          `Expected all to agree on ${expected.admin.name} within ${limitMs} ms, but ${
            objections.join("; ")
          }`,
        );
      }
      await this.elapsed(POLL_MS);
    }
  }

  /**
   * Asserts that `discover` at `place` has the admin's answer, with `living` alive.
   *
   * @throws {AssertionError} Where it has another.
   */
  async assertDiscovered({ admin, living }: Expected, place?: Place): Promise<void> {
    const answer = await this.discover(place);
    assert.ok(answer.ok, answer.ok ? "" : answer.reason);
    assert.equal(answer.via, "admin");
    assert.equal(answer.list.admin_peer_id, admin.peerId);
    assert.equal(answer.list.stale, false);
    assert.deepEqual(aliveIn(answer.list), living.map(({ peerId }) => peerId).sort());
  }

  /** What every worker has logged so far, by its name. */
  get logs(): ReadonlyMap<string, string> {
    return new Map(this.lab.workers.map(({ name, program }) => [name, program.text.stderr]));
  }

  /** Ends every process; whoever waits for the room is told so. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Asks `workers` by `discover`, some at a time: each is a process. */
  async #ask(
    workers: readonly LabWorker[],
    place: Place,
  ): Promise<readonly { readonly worker: LabWorker; readonly answer: Answer }[]> {
    const answers: { worker: LabWorker; answer: Answer }[] = [];
    for (let asked = 0; asked < workers.length; asked += DISCOVERS_MAX) {
      const some = workers.slice(asked, asked + DISCOVERS_MAX).map(async (worker) => ({
        worker,
        answer: await this.discover(place, worker.peerId),
      }));
      answers.push(...await Promise.all(some));
    }
    return answers;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error("The room was closed before the proof came to its end"));
    // Whoever is stopped cannot hear that it is to end.
    for (const { program } of this.lab.workers) program.signal("SIGCONT");
    await this.lab.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** The workers that `list` calls alive, in order of their names. */
export function aliveIn(list: WorkerList): readonly PeerId[] {
  return list.workers.filter(({ alive }) => alive).map(({ peer_id }) => peer_id).sort();
}

/** What is wrong with `answer`; undefined where it says what is expected and what `first` says. */
function objectionTo(
  answer: Answer,
  first: Answer | undefined,
  { admin, living }: Expected,
): string | undefined {
  if (!answer.ok) return `cannot be asked: ${answer.reason}`;
  const { list } = answer;
  if (list.stale) return "is stale";
  if (list.admin_peer_id !== admin.peerId) return `follows ${list.admin_peer_id}`;
  const alive = aliveIn(list);
  if (alive.join() !== living.map(({ peerId }) => peerId).sort().join()) {
    return `sees ${alive.join(", ")} alive`;
  }
  if (first?.ok !== true) return undefined;
  if (list.epoch !== first.list.epoch) return `is in epoch ${list.epoch}, not ${first.list.epoch}`;
  const [own, others] = [entriesIn(list), entriesIn(first.list)];
  return own === others ? undefined : `has the entries ${own}, not ${others}`;
}

/** The entries of the living as text: what of a list must be equal everywhere. */
function entriesIn({ workers }: WorkerList): string {
  return JSON.stringify(
    workers.filter(({ alive }) => alive)
      .map(({ peer_id, incarnation, status, current_job, metadata }) => {
        return { peer_id, incarnation, status, current_job, metadata };
      }),
  );
}

function latestOf(lines: readonly Line[]): number {
  return Math.max(...lines.map(timeOf));
}

/** When a line was logged, in milliseconds since 1970. */
function timeOf(line: Line | undefined): number {
  const time = Date.parse(String(line?.["time"]));
  if (Number.isNaN(time)) throw new Error(`Expected a line with its time, got ${line?.["time"]}`);
  return time;
}
