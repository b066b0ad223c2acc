/**
 * A load on a signaling server as labs make it: rooms of workers that join, talk, leave and come back.
 * Knows the server by its public interface alone; draws and prints nothing.
 */

import type { Log } from "../base/log.ts";
import { pick } from "../base/random.ts";
import { SECOND_MS } from "../base/time.ts";
import { createRoom, type RoomTicket, signIn } from "../client/room_api.ts";
import { systemRandom } from "../runtime/chance.ts";
import { LoadTally, type TallyReport } from "./load_tally.ts";
import { LoadWorker } from "./load_worker.ts";
import { MemoryCurve, type MemoryReport } from "./memory_curve.ts";
import { type ScaleListener, ServerScale } from "./server_scale.ts";

/** How much is done. */
export interface LoadOptions {
  readonly server: string;
  readonly rooms: number;
  /** Workers of each room. */
  readonly workers: number;
  /** For how long, once all have joined. */
  readonly seconds: number;
  /** Of 100 workers, how many leave each second; as many come, half of them for the first time. */
  readonly churnPercent: number;
  /** Told every 30 s how much the server's process holds, in MB. */
  readonly told: ScaleListener;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** What a load brought. */
export interface LoadReport {
  readonly numbers: TallyReport & {
    /** The most that the server's process held, in MB; 0 where it does not say. */
    readonly rss_mb: number;
  };
  readonly memory: MemoryReport;
}

/** The usual churn, in percent of the workers each second. */
export const CHURN_PERCENT = 1;
/** New sockets a second. Higher: joins wait for each other; lower: the start takes longer. */
const JOINS_PER_SECOND = 200;
/** What each worker says in a second. */
const MESSAGES_PER_SECOND = 1;
const WARM_UP_SECONDS = 3;
/** For the last messages to arrive. */
const SETTLE_MS = SECOND_MS;
const ANSWER_MS_MAX = 5 * SECOND_MS;
/** How often due work is looked for. Higher: words go out in bursts, and wait for each other. */
const TICK_MS = 1;

/**
 * Makes rooms on the server, fills them, has everybody talk for a while, and removes the rooms again.
 *
 * @throws {Failure} Where the server does not answer, or refuses to make rooms.
 */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  // The first ones, which warm both processes up, do not count.
  await measure({ ...options, rooms: 1, seconds: WARM_UP_SECONDS, told: () => {} });
  return await measure(options);
}

async function measure(options: LoadOptions): Promise<LoadReport> {
  const tally = new LoadTally(options.churnPercent / 100);
  const memory = new MemoryCurve();
  const rooms: RoomTicket[] = [];
  let crew: readonly LoadWorker[] = [];
  try {
    const { server, signal } = options;
    // Once for all rooms: the server counts what one address signs in and makes.
    const idToken = await signIn(server, signal);
    for (let index = 0; index < options.rooms; index++) {
      const { roomId, token } = await createRoom(server, { ttlSeconds: 600, idToken, signal });
      rooms.push({ server, roomId, token });
    }
    // Round the rooms, so that each fills over the whole time as it would in a lab.
    const places = Array.from({ length: options.workers }, () => rooms).flat();
    crew = places.map((room) => new LoadWorker(room, tally, options.log));
    await join(crew, options.signal);
    await talk(crew, options, memory);
    const rss_mb = Math.round(memory.peakMb);
    return { numbers: { ...tally.report(options.seconds), rss_mb }, memory: memory.report() };
  } finally {
    await Promise.all(crew.map((worker) => worker.stop()));
    await Promise.allSettled(rooms.map(removeRoom));
  }
}

/** Has all of `crew` join, so many a second. */
async function join(crew: readonly LoadWorker[], signal: AbortSignal): Promise<void> {
  const joined: Promise<void>[] = [];
  const startedAt = performance.now();
  for (const worker of crew) {
    const dueMs = joined.length / JOINS_PER_SECOND * SECOND_MS;
    while (performance.now() - startedAt < dueMs) await pause(TICK_MS);
    signal.throwIfAborted();
    joined.push(worker.join());
  }
  await Promise.all(joined);
}

async function talk(
  crew: readonly LoadWorker[],
  { server, seconds, churnPercent, told, signal }: LoadOptions,
  memory: MemoryCurve,
): Promise<void> {
  const byRoom = Map.groupBy(crew, (worker) => worker.roomId);
  const ends = performance.now() + seconds * SECOND_MS;
  let words = 0;
  let absences = 0;
  const returns = new Set<Promise<void>>();
  const scale = new ServerScale(server, memory, told);
  const started = performance.now();
  while (performance.now() < ends && !signal.aborted) {
    const passedSeconds = (performance.now() - started) / SECOND_MS;
    for (; words < passedSeconds * crew.length * MESSAGES_PER_SECOND; words++) {
      const speaker = crew[words % crew.length];
      if (speaker === undefined) break;
      const others = byRoom.get(speaker.roomId)?.filter((other) => other !== speaker) ?? [];
      const listener = pick(others, systemRandom);
      if (listener !== undefined) speaker.say(listener);
    }
    for (; absences < passedSeconds * crew.length * churnPercent / 100; absences++) {
      const worker = pick(crew, systemRandom);
      if (worker === undefined) break;
      const back = worker.rejoin(absences % 2 === 0).finally(() => returns.delete(back));
      returns.add(back);
    }
    scale.read(Math.floor(passedSeconds));
    await pause(TICK_MS);
  }
  await Promise.all([...returns, scale.settled]);
  await pause(SETTLE_MS);
  signal.throwIfAborted();
}

async function removeRoom({ server, roomId, token }: RoomTicket): Promise<void> {
  const response = await fetch(`${server}/delete-peers-and-room`, {
    method: "POST",
    body: JSON.stringify({ room_id: roomId, token }),
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  });
  await response.body?.cancel();
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
