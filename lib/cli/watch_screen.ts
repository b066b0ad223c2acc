/**
 * Shows a watched room while it changes: a table that changes in place on a terminal, elsewhere a line
 * for each change. Knows when to look and when to print; not what it looks like.
 */

import { type Clock, SECOND_MS } from "../base/time.ts";
import { BLANK_LIST, roomChanges } from "../client/room_change.ts";
import type { WatchEvent } from "../client/room_watch.ts";
import { listWorkers } from "../mesh/directory.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import type { Io } from "./io.ts";
import { LiveArea } from "./live_area.ts";
import { fitText, jsonText, paint } from "./terminal_text.ts";
import { jsonNews, plainNews, type WatchNews } from "./watch_display.ts";
import { workerLines } from "./worker_table.ts";

/** Changes that stay below the table. Higher: more of the past; lower: room for more workers. */
const NEWS_LINES = 5;
/** Between two looks where nothing is said: ages grow by themselves. */
const LOOK_EVERY_MS = SECOND_MS;

/** What is shown, and to whom. */
export interface WatchScreenOptions {
  /** Whether a program reads it. */
  readonly json: boolean;
  readonly filters: Filters;
  readonly clock: Clock;
  /** The room as it is known now, unfiltered. */
  list(): WorkerList;
}

/** Shows until {@linkcode WatchScreen.close}. */
export class WatchScreen {
  readonly #io: Io;
  readonly #options: WatchScreenOptions;
  readonly #area: LiveArea | undefined;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #news: string[] = [];
  #watched: string | undefined;
  #shown: WorkerList = BLANK_LIST;
  /** How long the last question took, in milliseconds. */
  #tookMs = 0;

  constructor(io: Io, options: WatchScreenOptions) {
    this.#io = io;
    this.#options = options;
    if (io.isTerminal && !options.json) {
      this.#area = new LiveArea(io, options.clock, () => this.#lines());
    }
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /** Takes what the watch says. */
  hear(event: WatchEvent): void {
    if (event.type !== "changed") this.#tell(event, this.#options.list());
    if (event.type === "watching") this.#watched = event.worker;
    this.#look();
  }

  /** Shows the last state, and stops. */
  close(): void {
    clearInterval(this.#timer);
    this.#area?.close();
  }

  #look(): void {
    // Before the first worker is watched nothing is known, not even that the room is empty.
    if (this.#watched === undefined) return this.#area?.update();
    const { clock, filters, list: ask } = this.#options;
    const askedAt = clock.now();
    const list = ask();
    this.#tookMs = clock.now() - askedAt;
    const changes = roomChanges(this.#shown, list, filters);
    this.#shown = list;
    for (const change of changes) this.#tell(change, list);
    this.#area?.update();
  }

  #tell(news: WatchNews, { stale, stale_ms: staleMs }: WorkerList): void {
    const { clock, json } = this.#options;
    const at = { wallMs: clock.wallMs(), stale, staleMs };
    if (json) return this.#io.out(jsonText(jsonNews(news, at)));
    const line = plainNews(news, at);
    if (this.#area === undefined) return this.#io.out(line);
    this.#news.push(line);
    if (this.#news.length > NEWS_LINES) this.#news.shift();
  }

  #lines(): string[] {
    const { columns, isColored } = this.#io;
    const news = this.#news.map((line) => paint(fitText(line, columns - 1), "dim", isColored));
    if (this.#watched === undefined) return news;
    const workers = listWorkers(this.#shown.workers, this.#options.filters);
    const shown = { ...this.#shown, workers };
    const answered = { via: "replica", worker: this.#watched, tookMs: this.#tookMs } as const;
    return [...workerLines(shown, answered, this.#io), "", ...news];
  }
}
