/** What the server asks of its store unasked: rooms in use are kept, expired ones removed. Knows no sockets. */

import type { RoomId } from "../lib/base/id.ts";
import type { Log } from "../lib/base/log.ts";
import { type Clock, SECOND_MS } from "../lib/base/time.ts";
import { inTime } from "./deadline.ts";
import type { Meter } from "./fact.ts";
import type { Store } from "./store/store.ts";
import type { LiveRooms } from "./switchboard.ts";

/** The time, in seconds since 1970, at which no room has expired yet. */
const EXPIRED_NEVER = 0;

/** What housekeeping runs on. */
export interface HousekeepingPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
}

/** In seconds: how long a room is kept from now, and how long it is left once it has expired. */
export interface HousekeepingLimits {
  readonly roomTtlSeconds: number;
  readonly sweepGraceSeconds: number;
}

/** Asks the store for what no request waits for, and logs where it does not answer. */
export class Housekeeping {
  readonly #ports: HousekeepingPorts;
  readonly #limits: HousekeepingLimits;
  readonly #running = new Set<Promise<void>>();

  constructor(ports: HousekeepingPorts, limits: HousekeepingLimits) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /**
   * Has the expiry of a room that workers are or were in count from now (decision 12); ends the room
   * where it is gone. It may be overdue, after a pause of the machine: a worker was in it all the time.
   */
  keep(roomId: RoomId, rooms: Pick<LiveRooms, "dateRoom" | "removeRoom">): void {
    this.#run("A room's expiry could not be moved", async () => {
      const until = this.#nowSeconds() + this.#limits.roomTtlSeconds;
      const room = await this.#ports.store.extendRoom(roomId, until, EXPIRED_NEVER);
      // It was deleted, here while somebody was on the way in, or by another server on this store.
      if (room === undefined) rooms.removeRoom(roomId, "The room does not exist any more");
      else rooms.dateRoom(roomId, room.expires_at);
    });
  }

  /**
   * Removes the rooms that expired a while ago, once those that were to be kept are. What has only just
   * expired may have done so by a clock that is hours ahead, and is there again once that is put right.
   */
  sweep(): void {
    const keeping = [...this.#running];
    this.#run("Expired rooms could not be removed", async () => {
      await Promise.all(keeping);
      const count = await this.#ports.store.sweepExpired(
        this.#nowSeconds() - this.#limits.sweepGraceSeconds,
      );
      if (count === 0) return;
      this.#ports.meter.count({ kind: "rooms_expired", count });
      this.#ports.log.write("info", "Expired rooms were removed", { count });
    });
  }

  /** When nothing that was asked is outstanding, or `waitMs` later: a sweep may take minutes. */
  async finished(waitMs: number): Promise<void> {
    const late = new Error(`Expected the store to be done within ${waitMs} ms, got no answer`);
    const done = Promise.all(this.#running);
    await inTime(() => done, waitMs, () => late).catch((error: unknown) =>
      this.#ports.log.write("warning", "What was asked of the store is left", {
        error: String(error),
      })
    );
  }

  #run(failure: string, ask: () => Promise<void>): void {
    const running = ask().catch((error: unknown) =>
      this.#ports.log.write("error", failure, { error: String(error) })
    ).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  #nowSeconds(): number {
    return Math.floor(this.#ports.clock.wallMs() / SECOND_MS);
  }
}
