/** Weighs a server: asks it for its memory every few seconds. Knows its public interface alone. */

import { Failure } from "../base/failure.ts";
import { SECOND_MS } from "../base/time.ts";
import { type MemoryCurve, POINT_SECONDS } from "./memory_curve.ts";

/** For the server to say what it holds. Higher: one that hangs is given up later. */
const READING_MS_MAX = 30 * SECOND_MS;

/** Between two readings. Lower: more of what is measured is the measuring. */
const READING_SECONDS = 5;

/** Readings in a row that may fail: a machine that is held up loses one now and then. */
const MISSED_MAX = 5;

/** Told how much the server's process holds, in MB. */
export type ScaleListener = (afterSeconds: number, memoryMb: number) => void;

/** Reads the server's memory every few seconds. Nobody waits for it: a machine that is held up answers late. */
export class ServerScale {
  readonly #server: string;
  readonly #memory: MemoryCurve;
  readonly #told: ScaleListener;
  #reading: Promise<void> | undefined;
  #failure: unknown;
  #missed = 0;
  /** The last second that was read at; before the first one, one that makes it due. */
  #lastSecond = -READING_SECONDS;

  constructor(server: string, memory: MemoryCurve, told: ScaleListener) {
    this.#server = server;
    this.#memory = memory;
    this.#told = told;
  }

  /** When the last reading is done. Never rejects. */
  get settled(): Promise<void> {
    return this.#reading ?? Promise.resolve();
  }

  /**
   * It is that second: reads, unless it has read a moment ago or still does.
   *
   * @throws {Failure} Where too many in a row have failed.
   */
  read(second: number): void {
    if (this.#missed > MISSED_MAX) throw this.#failure;
    if (second < this.#lastSecond + READING_SECONDS || this.#reading !== undefined) return;
    const isDue = Math.floor(second / POINT_SECONDS) > Math.floor(this.#lastSecond / POINT_SECONDS);
    this.#lastSecond = second;
    this.#reading = memoryOf(this.#server).then((memoryMb) => {
      this.#missed = 0;
      this.#memory.held(memoryMb, second);
      if (isDue && second > 0) this.#told(second, memoryMb);
    }).catch((error: unknown) => {
      this.#missed++;
      this.#failure = error;
    }).finally(() => {
      this.#reading = undefined;
    });
  }
}

/** The memory of the server's process by its own word, in MB; 0 where it says nothing of it. */
async function memoryOf(server: string): Promise<number> {
  try {
    const signal = AbortSignal.timeout(READING_MS_MAX);
    const response = await fetch(`${server}/metrics`, { signal });
    const bytes = /^process_resident_memory_bytes (\d+)/m.exec(await response.text())?.[1];
    return Number(bytes ?? 0) / 1e6;
  } catch (cause) {
    const text = `Expected ${server} to answer under load, got no answer; its log says why`;
    throw new Failure("server_unreachable", text, { cause });
  }
}
