/**
 * Which epoch one worker is in, and which it believes that others speak of (decision 010). Knows nothing
 * of who leads in it.
 */

/**
 * How far above its own epoch the server takes a claim (decision 010). An epoch further ahead of the
 * server's than that can only come from a member that lies.
 */
export const EPOCH_JUMP_MAX = 2 ** 20;
/**
 * How far above the server's epoch one may be that others speak of: so far that an honest claim above it
 * is still granted. Higher: nearer to the server's own bound; lower: a mesh that is without the server
 * for years catches up with it step by step.
 */
const HEARSAY_JUMP_MAX = EPOCH_JUMP_MAX / 2;

/** The epoch of one worker. */
export class Epoch {
  #held = 0;
  /** The one that the server spoke of last. */
  #servers = 0;

  /** The highest that was seen and believed. */
  get held(): number {
    return this.#held;
  }

  /** Whether one may be true that a worker speaks of. One above ours may always be. */
  isCredible(epoch: number): boolean {
    return epoch <= Math.max(this.#held + 1, this.#servers + HEARSAY_JUMP_MAX);
  }

  /** A worker spoke of one. Gives whether it is ours from now on. */
  heard(epoch: number): boolean {
    if (epoch <= this.#held || !this.isCredible(epoch)) return false;
    this.#held = epoch;
    return true;
  }

  /**
   * The server spoke of its own, which from now on is credible. Gives whether ours begins anew there: it
   * was too far above the server's for any claim to be granted, so it was made up by a member that lies,
   * or the server, which forgets, was started anew after one had driven it up.
   */
  granted(epoch: number): boolean {
    this.#servers = epoch;
    if (this.#held <= epoch + EPOCH_JUMP_MAX) return false;
    this.#held = epoch;
    return true;
  }

  /** The one to claim. */
  next(): number {
    return ++this.#held;
  }
}
