/**
 * The signed changes behind a room state, by hash: which there are, which build on which, which still
 * wait. Knows nothing of what they say.
 */

import type { PeerId } from "../base/id.ts";
import { HELD_ACTORS_MAX, type SignedChange } from "../protocol/mesh_message.ts";
import { ADMIN_KEY, type ChangeFacts, ROOT_OBJECT, WORKERS_OBJECT } from "./automerge.ts";

/** Changes that may wait for one they build on. Higher: a member can make us hold more. */
const WAITING_MAX = 256;
/** The genesis has one operation. */
const GENESIS_REACH = 1;

interface Held {
  readonly change: SignedChange;
  readonly facts: ChangeFacts;
}

interface Placed extends Held {
  /** The highest counter of an operation in it and in all that it builds on. */
  readonly reach: number;
}

/** The signed changes of one room, in an order in which each follows those it builds on. */
export class ChangeLog {
  readonly #changes = new Map<string, Placed>();
  #reach = GENESIS_REACH;
  readonly #genesis = new Set<string>();
  /** How far below the root each object is that a change made. */
  readonly #depths = new Map<string, number>([[ROOT_OBJECT, 0], [WORKERS_OBJECT, 0]]);
  /** The operations that named an admin. */
  readonly #namings = new Set<string>();
  readonly #waiting = new Map<string, Held>();
  readonly #authors = new Map<string, PeerId>();
  readonly #sequences = new Map<string, Set<number>>();

  /** Changes held, without the genesis. */
  get size(): number {
    return this.#changes.size;
  }

  /** Changes that wait for one they build on. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The highest counter of an operation in any of them. */
  get reach(): number {
    return this.#reach;
  }

  /** Notes the heads that every replica starts with. */
  genesis(heads: readonly string[]): void {
    for (const head of heads) this.#genesis.add(head);
  }

  /** Whether the change is held. */
  has(hash: string): boolean {
    return this.#genesis.has(hash) || this.#changes.has(hash);
  }

  /** Whether all of them are held. */
  hasAll(hashes: readonly string[]): boolean {
    return hashes.every((hash) => this.has(hash));
  }

  /** Whether a change with this actor and number is held, whatever it says. */
  holds(actor: string, seq: number): boolean {
    return this.#sequences.get(actor)?.has(seq) ?? false;
  }

  /** Whose actor it is, where a change by it is held. */
  authorOf(actor: string): PeerId | undefined {
    return this.#authors.get(actor);
  }

  /** The highest counter of an operation in that change and all that it builds on. */
  reachOf(hash: string): number {
    return this.#changes.get(hash)?.reach ?? GENESIS_REACH;
  }

  /** How far that object is below the workers' map; `undefined` where there is none. */
  depthOf(object: string): number | undefined {
    return this.#depths.get(object);
  }

  /** Whether that operation named an admin. */
  namedAdmin(operation: string): boolean {
    return this.#namings.has(operation);
  }

  /** Adds a change that is in the document, or about to be, and all of whose ancestors are held. */
  add(change: SignedChange, facts: ChangeFacts): void {
    const { deps, operations, startOp } = facts;
    const last = startOp + operations.length - 1;
    const reach = Math.max(last, ...deps.map((hash) => this.reachOf(hash)));
    this.#changes.set(facts.hash, { change, facts, reach });
    this.#reach = Math.max(this.#reach, reach);
    for (const { action, id, key, object } of operations) {
      if (action.startsWith("make")) this.#depths.set(id, (this.#depths.get(object) ?? 0) + 1);
      if (object === ROOT_OBJECT && key === ADMIN_KEY) this.#namings.add(id);
    }
    this.#authors.set(facts.actor, change.author);
    const sequences = this.#sequences.get(facts.actor) ?? new Set();
    sequences.add(facts.seq);
    this.#sequences.set(facts.actor, sequences);
  }

  /** Takes back a change that turned out not to fit into the document. */
  remove(facts: ChangeFacts): void {
    this.#changes.delete(facts.hash);
    this.#reach = GENESIS_REACH;
    for (const { reach } of this.#changes.values()) this.#reach = Math.max(this.#reach, reach);
    this.#sequences.get(facts.actor)?.delete(facts.seq);
    for (const { id } of facts.operations) {
      this.#depths.delete(id);
      this.#namings.delete(id);
    }
  }

  /** Keeps a change until those that it builds on are there; the oldest goes where too many wait. */
  hold(change: SignedChange, facts: ChangeFacts): void {
    if (this.#waiting.size >= WAITING_MAX) {
      const [oldest] = this.#waiting.keys();
      if (oldest !== undefined) this.#waiting.delete(oldest);
    }
    this.#waiting.set(facts.hash, { change, facts });
  }

  /** The waiting changes whose turn has come, which then no longer wait. */
  takeReady(): SignedChange[] {
    const ready = [...this.#waiting].filter(([, { facts }]) => this.hasAll(facts.deps));
    for (const [hash] of ready) this.#waiting.delete(hash);
    return ready.map(([, { change }]) => change);
  }

  /** How many changes of each actor are held; of the actors heard of last where there are too many. */
  get held(): Record<string, number> {
    const counts = [...this.#sequences].map(([actor, sequences]) =>
      [actor, sequences.size] as const
    )
      .filter(([, count]) => count > 0);
    return Object.fromEntries(counts.slice(-HELD_ACTORS_MAX));
  }

  /**
   * What a peer lacks that has `heads` and what they build on, and the first `held` changes of each
   * actor; oldest first, at most `limit`. Heads unknown here are ignored.
   */
  lackedBy(
    heads: readonly string[],
    limit = Infinity,
    held: Readonly<Record<string, number>> = {},
  ): SignedChange[] {
    const had = new Set<string>();
    const open = heads.filter((head) => this.has(head));
    for (let hash = open.pop(); hash !== undefined; hash = open.pop()) {
      if (had.has(hash)) continue;
      had.add(hash);
      open.push(...(this.#changes.get(hash)?.facts.deps ?? []));
    }
    const lacked: SignedChange[] = [];
    for (const [hash, { change, facts }] of this.#changes) {
      if (lacked.length >= limit) break;
      if (!had.has(hash) && facts.seq > (held[facts.actor] ?? 0)) lacked.push(change);
    }
    return lacked;
  }
}
