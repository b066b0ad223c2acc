/**
 * A room of workers whose processes stand still now and then, as training makes them: who is declared
 * dead although it lives, and how long it takes to replace an admin that never comes back.
 */

import { SeededRandom } from "../../lib/base/random.ts";
import type { PeerId } from "../../lib/base/id.ts";
import { HOUR_MS } from "../../lib/base/time.ts";
import type { NodeFactory } from "./surroundings.ts";
import { World } from "./world.ts";

/** For a room to form before the first pause, and to come to rest before the admin is frozen. */
const SETTLE_MS = 15_000;
/** For a frozen admin to be replaced before it counts as never. */
const REPLACED_MS_MAX = 60_000;
/** Between two looks at whether it is replaced. */
const LOOK_MS = 10;

/** A room, how long it is watched, and how its workers are paused. Durations are virtual. */
export interface StarvationOptions {
  readonly seed: number;
  readonly workers: number;
  readonly durationMs: number;
  /** Each pause of a worker. */
  readonly pauseMs: number;
  /** Between the end of a worker's pause and its next one, on average. */
  readonly everyMs: number;
  readonly createNode?: NodeFactory;
}

/** What came of it. */
export interface Starvation {
  readonly workerHours: number;
  readonly pauses: number;
  /** Verdicts of death on workers that were running or paused. */
  readonly falseDeaths: number;
  /** How often the room took another admin meanwhile. */
  readonly reelections: number;
  /** From the moment when the admin is frozen for good until all others follow the same new one. */
  readonly replacedMs: number;
}

/** Runs one room. Automerge must be ready. */
export function starve(options: StarvationOptions): Starvation {
  const { seed, workers, durationMs, pauseMs, everyMs, createNode } = options;
  const random = new SeededRandom(seed);
  const elected = new Set<string>();
  let [pauses, falseDeaths, watching] = [0, 0, false];
  const isAlive = (peerId: unknown) => world.lives.some((life) => life.peerId === peerId);
  const world: World = new World({
    seed,
    gpuMemoryMb: Array.from({ length: workers }, (_, index) => 80_000 - 1_000 * index),
    watcher: {
      stepped: (_life, _input, effects) => {
        for (const effect of effects) {
          if (effect.type !== "log" || !watching) continue;
          const { event, peer_id, epoch } = effect.fields;
          if (event === "peer_dead" && isAlive(peer_id)) falseDeaths++;
          if (event === "admin_elected") elected.add(String(epoch));
        }
      },
    },
    ...(createNode === undefined ? {} : { createNode }),
  });
  try {
    const { timeline } = world;
    world.startAll();
    timeline.run(SETTLE_MS);
    watching = true;
    const until = timeline.now + durationMs;
    for (const life of world.lives) {
      const again = () => {
        if (timeline.now + pauseMs > until) return;
        pauses++;
        world.pause(life, pauseMs);
        timeline.after(pauseMs + 2 * everyMs * random.next(), again);
      };
      timeline.after(2 * everyMs * random.next(), again);
    }
    timeline.run(until + SETTLE_MS);
    watching = false;
    return {
      workerHours: workers * durationMs / HOUR_MS,
      pauses,
      falseDeaths,
      reelections: elected.size,
      replacedMs: replacedMs(world, random.next()),
    };
  } finally {
    world.dispose();
  }
}

/** Freezes the admin somewhere between two of its heartbeats, and waits for its successor. */
function replacedMs(world: World, phase: number): number {
  const { timeline } = world;
  timeline.run(timeline.now + 1_000 * phase);
  const [admin, ...others] = world.lives;
  if (admin === undefined) throw new Error("Expected workers in the room");
  const frozenAt = timeline.now;
  admin.pause();
  const followed = () => new Set<PeerId | undefined>(others.map(({ view }) => view.admin));
  while (timeline.now - frozenAt < REPLACED_MS_MAX) {
    timeline.run(timeline.now + LOOK_MS);
    const admins = followed();
    if (admins.size === 1 && !admins.has(admin.peerId) && !admins.has(undefined)) {
      return timeline.now - frozenAt;
    }
  }
  throw new Error(`Expected another admin within ${REPLACED_MS_MAX} ms, got none`);
}
