/** Chance as a port, and a seeded source of it. Not for keys: those come from the runtime's generator. */

/** A source of chance. The pure folders see no other. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
}

/**
 * A seeded source: the same seed gives the same numbers, on every machine.
 *
 * The generator is SplitMix32 (a 32-bit variant of Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", 2014).
 */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  }
}

/** A whole number in [0, `limit`). */
export function below(limit: number, random: Random): number {
  return Math.floor(random.next() * limit);
}

/** One of `items`, or `undefined` where there is none. */
export function pick<T>(items: readonly T[], random: Random): T | undefined {
  return items[below(items.length, random)];
}

/** A copy of `items` in random order (Fisher and Yates). */
export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = below(last + 1, random);
    const [a, b] = [shuffled[last], shuffled[other]];
    if (a !== undefined && b !== undefined) [shuffled[last], shuffled[other]] = [b, a];
  }
  return shuffled;
}
