/** Virtual time: what happens when. Knows no real clock; two runs of one program run alike. */

import type { Instant } from "../../lib/base/time.ts";

interface Event {
  readonly at: Instant;
  readonly sequence: number;
  readonly action: () => void;
}

/** Events in the order of their time; those of one time in the order in which they were planned. */
export class Timeline {
  readonly #heap: Event[] = [];
  #now: Instant = 0;
  #sequence = 0;

  /** The virtual time in milliseconds. */
  get now(): Instant {
    return this.#now;
  }

  /** Events that are still to come. */
  get size(): number {
    return this.#heap.length;
  }

  /** Plans `action` for a time; one that has passed means now. */
  at(at: Instant, action: () => void): void {
    this.#push({ at: Math.max(at, this.#now), sequence: this.#sequence++, action });
  }

  /** Plans `action` for `delayMs` from now. */
  after(delayMs: number, action: () => void): void {
    this.at(this.#now + delayMs, action);
  }

  /** Lets time pass up to `until`, as long as `goOn` says so. */
  run(until: Instant, goOn: () => boolean = () => true): void {
    while (goOn()) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) {
        this.#now = Math.max(this.#now, until);
        return;
      }
      this.#pop();
      this.#now = next.at;
      next.action();
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || !before(event, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const one = heap[left];
      const other = heap[left + 1];
      if (one === undefined) break;
      const below = other !== undefined && before(other, one) ? left + 1 : left;
      const child = heap[below];
      if (child === undefined || !before(child, last)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
  }
}

function before(one: Event, other: Event): boolean {
  return one.at !== other.at ? one.at < other.at : one.sequence < other.sequence;
}
