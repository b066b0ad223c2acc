/**
 * Which machine's words reach which, and how fast. Knows endpoints by name, not what they say.
 * Paths lose nothing: like TCP and SCTP they hold words back while the way is blocked.
 */

import type { Random } from "../../lib/base/random.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { Timeline } from "./timeline.ts";

/** Something that is wrong with the network. */
export interface Trouble {
  /** Whether words from one to the other are held back. */
  readonly blocks?: (from: string, to: string) => boolean;
  /** How much longer they take, in milliseconds. */
  readonly delayMs?: (from: string, to: string) => number;
}

/** One direction of one link or socket: words arrive in order, and none twice. */
export interface Path<Word> {
  send(word: Word): void;
  /** Nothing more arrives, not even what is on its way. */
  cut(): void;
}

/** The network between all machines. */
export class Network {
  readonly #timeline: Timeline;
  readonly #random: Random;
  readonly #latencyMs: number;
  readonly #troubles = new Set<Trouble>();
  readonly #blockedPaths = new Set<{ flush(): void }>();
  /** When something was last wrong between two machines. */
  readonly #wrongAt = new Map<string, Instant>();

  constructor(timeline: Timeline, random: Random, latencyMs: number) {
    this.#timeline = timeline;
    this.#random = random;
    this.#latencyMs = latencyMs;
  }

  /** Begins a trouble; the function given back ends it. */
  begin(trouble: Trouble, endpoints: readonly string[]): () => void {
    this.#troubles.add(trouble);
    return () => {
      if (!this.#troubles.delete(trouble)) return;
      for (const from of endpoints) {
        for (const to of endpoints) {
          const felt = trouble.blocks?.(from, to) === true ||
            (trouble.delayMs?.(from, to) ?? 0) > 0;
          if (felt) this.#wrongAt.set(`${from}>${to}`, this.#timeline.now);
        }
      }
      for (const path of [...this.#blockedPaths]) path.flush();
    };
  }

  /** Whether words get from one to the other now. */
  passes(from: string, to: string): boolean {
    for (const trouble of this.#troubles) if (trouble.blocks?.(from, to) === true) return false;
    return true;
  }

  /** Whether words get both ways now. */
  passesBothWays(one: string, other: string): boolean {
    return this.passes(one, other) && this.passes(other, one);
  }

  /** Since when both ways are open and no slower than usual; Infinity where they are not. */
  fineSince(one: string, other: string): Instant {
    for (const trouble of this.#troubles) {
      for (const [from, to] of [[one, other], [other, one]] as const) {
        if (trouble.blocks?.(from, to) === true) return Infinity;
        if ((trouble.delayMs?.(from, to) ?? 0) > 0) return Infinity;
      }
    }
    const [there, back] = [`${one}>${other}`, `${other}>${one}`];
    return Math.max(this.#wrongAt.get(there) ?? 0, this.#wrongAt.get(back) ?? 0);
  }

  /** How long one word takes now, in milliseconds. */
  latencyMs(from: string, to: string): number {
    let latencyMs = this.#latencyMs * (0.5 + this.#random.next());
    for (const trouble of this.#troubles) latencyMs += trouble.delayMs?.(from, to) ?? 0;
    return Math.round(latencyMs * 100) / 100;
  }

  /** A way from one machine to another. */
  path<Word>(from: string, to: string, arrive: (word: Word) => void): Path<Word> {
    const held: Word[] = [];
    let cut = false;
    let lastAt: Instant = 0;
    const post = (word: Word) => {
      lastAt = Math.max(lastAt, this.#timeline.now + this.latencyMs(from, to));
      this.#timeline.at(lastAt, () => {
        if (!cut) arrive(word);
      });
    };
    const holder = {
      flush: () => {
        if (!this.passes(from, to)) return;
        this.#blockedPaths.delete(holder);
        for (const word of held.splice(0)) post(word);
      },
    };
    return {
      send: (word) => {
        if (cut) return;
        if (this.passes(from, to)) return post(word);
        held.push(word);
        this.#blockedPaths.add(holder);
      },
      cut: () => {
        cut = true;
        held.length = 0;
        this.#blockedPaths.delete(holder);
      },
    };
  }
}
