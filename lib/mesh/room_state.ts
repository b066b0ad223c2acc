/**
 * The room state as one worker holds it: every worker's entry in one Automerge document, and the
 * signed changes that made it. Knows who may write what; knows nothing of links or of who lives.
 *
 * Invariants
 *  1. Every change in the document is signed by its author and carried by an actor of the author's.
 *  2. A change touches nothing but `workers/<author>`, and `admin_peer_id` to name the author.
 *  3. (actor, seq) is never used twice with different content.
 *  4. A refused change leaves the document as it was.
 */

import type { PeerId } from "../base/id.ts";
import { decode } from "../protocol/decode.ts";
import type { SignedChange } from "../protocol/mesh_message.ts";
import { type WorkerEntry, workerEntrySchema } from "../protocol/worker.ts";
import {
  adminHintOf,
  changeDocument,
  createDocument,
  entryConflicts,
  entryOf,
  freeDocument,
  headsOf,
  readChange,
  type RoomDocument,
  type RoomDraft,
  withChange,
} from "./automerge.ts";
import { type Author, changeBytes } from "./author.ts";
import { ChangeLog } from "./change_log.ts";
import { judgeChange } from "./change_judgement.ts";

/** What became of changes from another peer. */
export interface Acceptance {
  /** Changes that are in the document now and were not before, in the order they were applied. */
  readonly applied: readonly SignedChange[];
  /** Why others were refused. */
  readonly refused: readonly string[];
}

/** One worker's replica of the room state. */
export class RoomState {
  readonly #author: Author;
  #document: RoomDocument;
  readonly #log = new ChangeLog();
  #entries: ReadonlyMap<PeerId, WorkerEntry> = new Map();
  #conflicts = 0;
  /** The own entry that was written last, and how it stood in the document then. */
  #settled: { readonly entry: WorkerEntry; readonly stored: WorkerEntry } | undefined;

  private constructor(author: Author) {
    this.#author = author;
    this.#document = createDocument(author.signer.actorOf(author.peerId, author.incarnation));
    this.#log.genesis(headsOf(this.#document));
  }

  /** The state of a room that nobody has written to yet. Automerge must be initialised. */
  static create(author: Author): RoomState {
    return new RoomState(author);
  }

  /**
   * The state that {@linkcode RoomState.serialise} gave. Every change is checked anew.
   *
   * @throws {Error} Where a change is refused.
   */
  static deserialise(author: Author, changes: readonly SignedChange[]): RoomState {
    const state = RoomState.create(author);
    const [reason] = state.merge(changes).refused;
    if (reason !== undefined) throw new Error(`Expected the changes of a room state: ${reason}`);
    return state;
  }

  /** Every change, each after those it builds on. */
  serialise(): SignedChange[] {
    return this.#log.lackedBy([]);
  }

  /** The entries that can be read, by peer id. */
  get entries(): ReadonlyMap<PeerId, WorkerEntry> {
    return this.#entries;
  }

  /** The versions that nothing builds on, sorted. Equal heads mean equal states. */
  get heads(): string[] {
    return headsOf(this.#document);
  }

  /** The worker that last named itself admin; a hint, the admin is computed. */
  get adminHint(): string | undefined {
    return adminHintOf(this.#document);
  }

  /** Entries that were found to have concurrent values, since birth. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** Changes held, and changes that wait for one they build on. */
  get size(): { readonly changes: number; readonly waiting: number } {
    return { changes: this.#log.size, waiting: this.#log.waiting };
  }

  /** Writes this worker's own entry where it differs, and gives the change for the others. */
  update(entry: WorkerEntry): SignedChange | undefined {
    const before = this.#entries.get(entry.peer_id);
    // Asked at every step, so the common case must not reach Automerge.
    if (this.#settled?.entry === entry && this.#settled.stored === before) return undefined;
    const change = this.#write((draft) => {
      // An entry of another life is replaced whole: nothing that it said holds any more.
      if (before?.incarnation !== entry.incarnation) draft.replaceEntry(entry);
      else draft.updateEntry(before, entry);
    });
    const stored = this.#entries.get(entry.peer_id);
    this.#settled = stored === undefined ? undefined : { entry, stored };
    return change;
  }

  /** Notes that this worker is the admin. */
  nameAdmin(): SignedChange | undefined {
    if (this.adminHint === this.#author.peerId) return undefined;
    return this.#write((draft) => draft.nameAdmin(this.#author.peerId));
  }

  /** Takes changes from another peer, in any order and any number of times. */
  merge(changes: readonly SignedChange[]): Acceptance {
    const applied: SignedChange[] = [];
    const refused: string[] = [];
    const open = [...changes];
    for (let change = open.shift(); change !== undefined; change = open.shift()) {
      const judgement = judgeChange(change, this.#author, this.#log);
      if (judgement.verdict === "refused") refused.push(judgement.reason);
      if (judgement.verdict !== "fitting") continue;
      const { facts, chunk } = judgement;
      if (!this.#log.hasAll(facts.deps)) {
        this.#log.hold(change, facts);
        continue;
      }
      const document = withChange(this.#document, chunk);
      if (document === undefined) {
        refused.push(`Expected a change that applies, got a senseless one from ${change.author}`);
        continue;
      }
      this.#document = document;
      this.#log.add(change, facts);
      applied.push(change);
      open.unshift(...this.#log.takeReady());
    }
    if (applied.length > 0) this.#read(new Set(applied.map((change) => change.author)));
    return { applied, refused };
  }

  /** What a peer with `heads` lacks, each change after those it builds on; at most `limit`. */
  lackedBy(heads: readonly string[], limit = Infinity): SignedChange[] {
    return this.#log.lackedBy(heads, limit);
  }

  /** Whether something stands in `heads` that this replica has not got. */
  lacks(heads: readonly string[]): boolean {
    return !this.#log.hasAll(heads);
  }

  /** Frees the document. The state must not be used again. */
  dispose(): void {
    freeDocument(this.#document);
  }

  #write(write: (draft: RoomDraft) => void): SignedChange | undefined {
    const written = changeDocument(this.#document, write);
    if (written === undefined) return undefined;
    const facts = readChange(written.chunk);
    if (facts === undefined) throw new Error("Expected Automerge to read the change that it made");
    this.#document = written.document;
    const { roomId, peerId, incarnation, signer } = this.#author;
    const change: SignedChange = {
      author: peerId,
      incarnation,
      public_key: signer.publicKey,
      change: written.chunk.toBase64(),
      signature: signer.sign(changeBytes(roomId, written.chunk)),
    };
    this.#log.add(change, facts);
    this.#read(new Set([peerId]));
    return change;
  }

  #read(authors: ReadonlySet<PeerId>): void {
    const entries = new Map(this.#entries);
    for (const author of authors) {
      const entry = decode(entryOf(this.#document, author), workerEntrySchema);
      if (entry.ok && entry.value.peer_id === author) entries.set(author, entry.value);
      else entries.delete(author);
      if (entryConflicts(this.#document, author) > 1) this.#conflicts++;
    }
    this.#entries = entries;
  }
}
