/** Watches a room for `top`, and shows it in the way that is wanted until it is seen enough. */

import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "../base/failure.ts";
import type { JobId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import { type LinkMeasure, linkPaces } from "../client/link_pace.ts";
import { LinkedSession } from "../client/linked_session.ts";
import { RoomWatch, type WatchEvent } from "../client/room_watch.ts";
import { systemClock } from "../runtime/clock.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import type { JobSessionOptions } from "./job_session.ts";
import { whileRead } from "./reader.ts";
import { jsonText } from "./terminal_text.ts";
import { topLines } from "./top_display.ts";
import { TopScreen } from "./top_screen.ts";
import { type JobProgress, substanceOf, topFacts, type TopView } from "./top_view.ts";

/** How a room is shown: over the terminal, as a page once, or as objects. */
export type TopWay = "screen" | "page_once" | "json" | "json_once";

/** For the first words about links, where the room is shown once; without them it is shown all the same. */
const FIRST_LINKS_MS = 2 * SECOND_MS;
/** Between two looks at what this installation has heard of its jobs. Higher: epochs lag. */
const PROGRESS_EVERY_MS = 2 * SECOND_MS;

/**
 * Shows the room. Live, until a key or the signal of `options`; Ctrl-C is the regular end. Gives the exit
 * code.
 *
 * @throws {Failure} Where the server does not answer or does not let us in, or, once, no worker can be watched.
 * @throws {Deno.errors.BrokenPipe} Where nobody reads any more.
 * @throws What is wrong with the keyboard.
 */
export async function showTop(way: TopWay, options: JobSessionOptions, io: Io): Promise<number> {
  await using linked = await LinkedSession.open(options);
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  const room = new TopRoom(linked, options, signal);
  const guarded = whileRead(io, over);
  try {
    switch (way) {
      case "screen":
        await showLive(room, guarded, over);
        break;
      case "json":
        await tellChanges(room, guarded);
        break;
      case "page_once":
      case "json_once": {
        await room.known(signal);
        const view = room.view();
        const page = { columns: io.columns, rows: Infinity, isColored: io.isColored };
        if (way === "json_once") guarded.out(jsonText(topFacts(view)));
        else for (const line of topLines(view, page)) guarded.out(line);
        break;
      }
      default:
        way satisfies never;
    }
  } finally {
    over.abort("left");
    await room.over;
  }
  if (over.signal.reason instanceof Error) throw over.signal.reason;
  return options.signal.reason === "SIGTERM" ? EXIT.terminated : EXIT.ok;
}

async function showLive(room: TopRoom, io: Io, over: AbortController): Promise<void> {
  const screen = new TopScreen(io, {
    clock: systemClock,
    view: () => room.view(),
    left: () => over.abort("left"),
    failed: (error) => over.abort(error),
  });
  room.changed = () => screen.update();
  try {
    await room.over;
  } finally {
    screen.close();
  }
}

async function tellChanges(room: TopRoom, io: Io): Promise<void> {
  let told = "";
  room.changed = () => {
    const view = room.view();
    const substance = substanceOf(view);
    if (substance === told) return;
    told = substance;
    io.out(jsonText({ time: new Date(systemClock.wallMs()).toISOString(), ...topFacts(view) }));
  };
  await room.over;
}

/** A watched room with its links and what is known of its jobs. */
class TopRoom {
  /** Called when the view may be another. */
  changed: () => void = () => {};
  readonly #watch: RoomWatch;
  readonly #records: JobSessionOptions["records"];
  readonly #over: Promise<void>;
  /** When a worker is watched, or why none can be. */
  readonly #watched = Promise.withResolvers<Failure | undefined>();
  readonly #measured = Promise.withResolvers<void>();
  #trouble: string | undefined;
  #before: LinkMeasure | undefined;
  #now: LinkMeasure | undefined;
  #progress: ReadonlyMap<JobId, JobProgress> = new Map();

  constructor(linked: LinkedSession, options: JobSessionOptions, signal: AbortSignal) {
    this.#records = options.records;
    this.#watch = new RoomWatch(linked.session, linked.backend, {
      ...options,
      signal,
      hear: (event) => this.#hear(event),
      measured: (measure) => this.#measure(measure),
    });
    this.#over = this.#run(signal);
  }

  /** Resolves when the signal is aborted and all is freed. */
  get over(): Promise<void> {
    return this.#over;
  }

  /** What is known now. */
  view(): TopView {
    const links = this.#now === undefined ? [] : linkPaces(this.#before, this.#now);
    return {
      list: this.#watch.list({}),
      watched: this.#watch.worker,
      trouble: this.#trouble,
      links: this.#trouble === undefined ? links : [],
      progress: this.#progress,
    };
  }

  /**
   * Resolves when the room is known, with its links where they are told soon.
   *
   * @throws {Failure} Where no worker can be watched.
   */
  async known(signal: AbortSignal): Promise<void> {
    const failure = await Promise.race([this.#watched.promise, this.#over]);
    if (failure instanceof Failure) throw failure;
    signal.throwIfAborted();
    const patience = Promise.withResolvers<void>();
    const timer = setTimeout(patience.resolve, FIRST_LINKS_MS);
    await Promise.race([this.#measured.promise, patience.promise, this.#over]);
    clearTimeout(timer);
    signal.throwIfAborted();
    this.#progress = await this.#readProgress();
  }

  #hear(event: WatchEvent): void {
    switch (event.type) {
      case "watching":
        this.#trouble = undefined;
        this.#watched.resolve(undefined);
        break;
      case "waiting":
        this.#trouble = event.reason;
        this.#watched.resolve(new Failure("no_worker", event.reason));
        break;
      case "lost":
        this.#trouble = event.reason;
        break;
      case "changed":
        break;
      default:
        return event satisfies never;
    }
    this.changed();
  }

  #measure(measure: LinkMeasure): void {
    this.#before = this.#now;
    this.#now = measure;
    this.#measured.resolve();
    this.changed();
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      await this.#followProgress(signal);
    } finally {
      await this.#watch.close();
    }
  }

  async #followProgress(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#progress = await this.#readProgress();
      this.changed();
      try {
        await pause(PROGRESS_EVERY_MS, undefined, { signal });
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    }
  }

  /** Of the jobs that workers hold now; only those that were sent from here have a record. */
  async #readProgress(): Promise<ReadonlyMap<JobId, JobProgress>> {
    const held = this.#watch.list({}).workers.flatMap(({ current_job: job }) =>
      job === null ? [] : [job.job_id]
    );
    const progress = new Map<JobId, JobProgress>();
    for (const jobId of held) {
      const record = await this.#records.find(jobId);
      if (record === undefined) continue;
      const { run_name: runName, heard: { epochs, last_loss: lastLoss } } = record;
      progress.set(jobId, { runName, epochs, lastLoss });
    }
    return progress;
  }
}
