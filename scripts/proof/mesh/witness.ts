/**
 * A client that discovers throughout, in two ways: it asks again and again as a person would, and it
 * watches over a link. Knows what it was told and when; what should be told is the proof's business.
 */

import assert from "node:assert/strict";
import { z } from "zod";
import type { PeerId } from "../../../lib/base/id.ts";
import { workerViewSchema } from "../../../lib/protocol/worker.ts";
import type { LabWorker } from "../../lab/lab.ts";
import type { Line, Program } from "../../lab/program.ts";
import { type Place, SERVER_PLACE } from "../../lab/site.ts";
import type { Answer } from "./answer.ts";
import type { MeshRoom } from "./mesh_room.ts";

const START_MS = 60_000;
/** Between two questions: each is a process, which takes half a second of one core. */
const PAUSE_MS = 500;

const newsSchema = z.object({ event: z.string(), worker: workerViewSchema });

/** An answer and when it came, in milliseconds since 1970. */
interface Told {
  readonly at: number;
  readonly answer: Answer;
}

/** A client that discovers throughout. */
export class Witness implements AsyncDisposable {
  readonly watch: Program;
  readonly #room: MeshRoom;
  readonly #place: Place;
  readonly #told: Told[] = [];
  readonly #beganAt = Date.now();
  readonly #asking: Promise<void>;
  #isOver = false;

  private constructor(room: MeshRoom, place: Place, watch: Program) {
    this.#room = room;
    this.#place = place;
    this.watch = watch;
    this.#asking = this.#askAgainAndAgain();
  }

  /** Begins at `place`; resolves when the first answers are there. */
  static async begin(room: MeshRoom, place: Place = SERVER_PLACE): Promise<Witness> {
    const watch = room.lab.start(["discover", "--watch", "--json"], {}, place);
    await watch.line(({ event }) => event === "watching", "that it watches", START_MS);
    return new Witness(room, place, watch);
  }

  /** Asks no more. Resolves when the last answer is there. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#asking;
    await this.watch.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  /** Waits for a line of the watch from number `from` on. */
  async saw(
    wanted: (line: Line) => boolean,
    what: string,
    limitMs: number,
    from = 0,
  ): Promise<void> {
    await this.watch.line(wanted, what, limitMs, from);
  }

  /**
   * Asserts that no answer of an admin, and no change that was watched, left out one of `workers` or
   * called it dead. The server's own answer, while no admin is there, names who has come back to it.
   *
   * @throws {AssertionError} Where one did.
   */
  assertNeverMissed(workers: readonly LabWorker[]): void {
    const wanted = new Set<PeerId>(workers.map(({ peerId }) => peerId));
    for (const { answer } of this.#told) {
      if (!answer.ok || answer.via === "server") continue;
      const alive = new Set(
        answer.list.workers.filter(({ alive }) => alive).map(({ peer_id }) => peer_id),
      );
      const missed = [...wanted.difference(alive)];
      assert.deepEqual(missed, [], `An answer by the ${answer.via} left out ${missed.join()}`);
    }
    for (const line of this.watch.lines) {
      const news = newsSchema.safeParse(line);
      if (!news.success || !wanted.has(news.data.worker.peer_id)) continue;
      const { event, worker } = news.data;
      assert.ok(
        event !== "worker_left" && worker.alive,
        `The watch told ${event} of ${worker.peer_id}`,
      );
    }
  }

  /**
   * Asserts that every answer named all of `workers`, called dead or not.
   *
   * @throws {AssertionError} Where one did not.
   */
  assertNeverForgot(workers: readonly LabWorker[]): void {
    for (const { answer } of this.#told) {
      if (!answer.ok) continue;
      const named = new Set(answer.list.workers.map(({ peer_id }) => peer_id));
      const forgotten = workers.filter(({ peerId }) => !named.has(peerId)).map(({ name }) => name);
      assert.deepEqual(forgotten, [], `An answer by the ${answer.via} forgot ${forgotten.join()}`);
    }
  }

  /**
   * Asserts that no question was left without any answer.
   *
   * @throws {AssertionError} Where one was.
   */
  assertAlwaysAnswered(): void {
    const reasons = this.#told.flatMap(({ answer }) => answer.ok ? [] : [answer.reason]);
    assert.deepEqual(reasons, []);
  }

  /**
   * The longest time without an answer of an admin that is not cut off, in milliseconds. Each question
   * is a process: half a second without a fault.
   */
  get blindMs(): number {
    const times = this.#told.filter(({ answer }) =>
      answer.ok && answer.via === "admin" && !answer.list.stale
    ).map(({ at }) => at);
    const ends = [this.#beganAt, ...times, this.#told.at(-1)?.at ?? this.#beganAt];
    return Math.max(...ends.map((at, index) => at - (ends[index - 1] ?? at)));
  }

  async #askAgainAndAgain(): Promise<void> {
    while (!this.#isOver && !this.#room.isClosed) {
      const answer = await this.#room.discover(this.#place);
      this.#told.push({ at: Date.now(), answer });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
