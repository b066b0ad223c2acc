/** Deadlines as a port. Knows no clock. */

/** Calls back later, once. */
export interface Timers {
  /** Calls `callback` after `delayMs`, unless the function that it returns is called before. */
  set(delayMs: number, callback: () => void): () => void;
}
