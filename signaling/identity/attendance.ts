/**
 * As whom peers are connected here, so that the provider of identities keeps those users and no
 * others. Knows no socket and no room.
 */

import type { Log } from "../../lib/base/log.ts";
import type { Identity } from "./identity.ts";

/** Notices that wait for the provider. Higher: more of an outage is caught up with, and held. */
const WAITING_MAX = 10_000;

/** Tells an identity who is still there. What it does not answer is logged and ends nobody. */
export class Attendance {
  readonly #identity: Pick<Identity, "keep" | "forget">;
  readonly #log: Log;
  readonly #peers = new Map<string, number>();
  /** What is still to be told, one after the other: providers count requests a second. */
  #telling: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isDraining = false;

  constructor(identity: Pick<Identity, "keep" | "forget">, log: Log) {
    this.#identity = identity;
    this.#log = log;
  }

  /** A peer of `subject` has come. */
  arrived(subject: string): void {
    const before = this.#peers.get(subject) ?? 0;
    this.#peers.set(subject, before + 1);
    if (before === 0) this.#keep(subject);
  }

  /** A peer of `subject` has gone. Once for each that came. */
  left(subject: string): void {
    const before = this.#peers.get(subject) ?? 0;
    if (before > 1) this.#peers.set(subject, before - 1);
    else if (this.#peers.delete(subject)) {
      this.#tell(async () => {
        // Back by now, on another socket: then it never was away.
        if (!this.#peers.has(subject)) await this.#identity.forget(subject);
      });
    }
  }

  /** Tells of everybody who is there. To be called every {@linkcode TOUCH_MS} of `user_cleanup.ts`. */
  keepAll(): void {
    for (const subject of this.#peers.keys()) this.#keep(subject);
  }

  /** Tells nothing any more: the server stops, its peers come back, and so nobody is forgotten. */
  drain(): void {
    this.#isDraining = true;
  }

  /** When nothing is left to tell. */
  async finished(): Promise<void> {
    let seen: Promise<void>;
    do {
      seen = this.#telling;
      await seen;
    } while (seen !== this.#telling);
  }

  #keep(subject: string): void {
    this.#tell(async () => {
      if (this.#peers.has(subject)) await this.#identity.keep(subject);
    });
  }

  #tell(what: () => Promise<void>): void {
    if (this.#waiting >= WAITING_MAX) {
      this.#log.write("warning", "A notice to the identity provider was dropped: too many wait", {
        waiting: this.#waiting,
      });
      return;
    }
    this.#waiting++;
    this.#telling = this.#telling.then(async () => {
      this.#waiting--;
      if (this.#isDraining) return;
      try {
        await what();
      } catch (error) {
        this.#log.write("warning", "The identity provider could not be told who is connected", {
          error: String(error),
        });
      }
    });
  }
}
