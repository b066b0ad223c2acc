/**
 * The room state as one worker holds it: every worker's entry in one Automerge document, and the
 * signed changes that made it. Knows who may write what; knows nothing of links or of who lives.
 *
 * Invariants
 *  1. Every change in the document is signed by its author and carried by an actor of the author's.
 *  2. A change touches nothing but `workers/<author>`, the author's own rows of the queue
 *     (`queue/<author>/<job>`), and `admin_peer_id` to name the author; it replaces nothing else, and
 *     numbers its operations on from what it builds on.
 *  3. (actor, seq) is never used twice with different content.
 *  4. A refused change leaves the document as it was.
 *  5. The log holds exactly the changes that are in the document.
 */

import { isJobId, type JobId, type PeerId } from "../base/id.ts";
import { decode, decodeJson } from "../protocol/decode.ts";
import { HEADS_TOLD_MAX, type SignedChange } from "../protocol/mesh_message.ts";
import { type QueueRow, queueRowSchema } from "../protocol/queue_message.ts";
import { type WorkerEntry, workerEntrySchema } from "../protocol/worker.ts";
import { type Operation, readChange, RoomDocument, type RoomDraft } from "./automerge.ts";
import { type Author, changeBytes } from "./author.ts";
import { ChangeLog } from "./change_log.ts";
import { judgeChange, type Judgement } from "./change_judgement.ts";
import { misplacementOf } from "./change_place.ts";

/** What became of changes from another peer. */
export interface Acceptance {
  /** Changes that are in the document now and were not before, in the order they were applied. */
  readonly applied: readonly SignedChange[];
  /** Why others were refused. */
  readonly refused: readonly string[];
}

/** A change that may be applied. */
type Fitting = Omit<Extract<Judgement, { verdict: "fitting" }>, "verdict"> & {
  readonly change: SignedChange;
};

/** One worker's replica of the room state. */
export class RoomState {
  readonly #author: Author;
  readonly #document: RoomDocument;
  readonly #log = new ChangeLog();
  #heads: readonly string[];
  #entries: ReadonlyMap<PeerId, WorkerEntry> = new Map();
  #rows: ReadonlyMap<PeerId, ReadonlyMap<JobId, QueueRow>> = new Map();
  /** Those whose entry stands there more than once. */
  readonly #contested = new Set<PeerId>();
  /** The own entry that was written last, and how it stood in the document then. */
  #settled: { readonly entry: WorkerEntry; readonly stored: WorkerEntry } | undefined;
  #laterLife: number | undefined;

  private constructor(author: Author) {
    this.#author = author;
    this.#document = new RoomDocument(author.signer.actorOf(author.peerId, author.incarnation));
    this.#heads = this.#document.heads;
    this.#log.genesis(this.#heads);
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

  /** What workers have written down of the queue, by author and job; of nobody who has no row. */
  get rows(): ReadonlyMap<PeerId, ReadonlyMap<JobId, QueueRow>> {
    return this.#rows;
  }

  /** The versions that nothing builds on, sorted. Equal heads mean equal states. */
  get heads(): string[] {
    return [...this.#heads];
  }

  /** As many of them as a message may name. Whoever has these asks for no more than it needs. */
  get toldHeads(): string[] {
    return this.#heads.slice(0, HEADS_TOLD_MAX);
  }

  /** The worker that last named itself admin; a hint, the admin is computed. */
  get adminHint(): string | undefined {
    return this.#document.adminHint;
  }

  /**
   * A life of this worker with a higher number, which lives now: it replaced an entry of ours, and so had
   * read it. One that was over before we began could not have, and nobody else has our key.
   */
  get laterLife(): number | undefined {
    return this.#laterLife;
  }

  /** Those whose entry has concurrent values now. */
  get contested(): ReadonlySet<PeerId> {
    return this.#contested;
  }

  /** Changes held, changes that wait for one they build on, and the number of the last operation. */
  get size(): { readonly changes: number; readonly waiting: number; readonly operations: number } {
    const { size: changes, waiting, reach: operations } = this.#log;
    return { changes, waiting, operations };
  }

  /** Writes this worker's own entry where it differs, and gives the change for the others. */
  update(entry: WorkerEntry): SignedChange | undefined {
    const before = this.#entries.get(entry.peer_id);
    // Asked at every step, so the common case must not reach Automerge.
    if (this.#settled?.entry === entry && this.#settled.stored === before) return undefined;
    const change = this.#write((draft) => {
      // An entry of another life is replaced whole: nothing that it said holds any more.
      const isAlone = before?.incarnation === entry.incarnation &&
        !this.#contested.has(entry.peer_id);
      if (isAlone) draft.updateEntry(before, entry);
      else draft.replaceEntry(entry);
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

  /** Writes this worker's own rows of the queue, and takes away those that are `undefined`. */
  writeRows(rows: ReadonlyMap<JobId, QueueRow | undefined>): SignedChange | undefined {
    if (rows.size === 0) return undefined;
    const { peerId } = this.#author;
    return this.#write((draft) => {
      for (const [jobId, row] of rows) {
        draft.writeRow(peerId, jobId, row === undefined ? undefined : JSON.stringify(row));
      }
    });
  }

  /** Takes changes from another peer, in any order and any number of times. */
  merge(changes: readonly SignedChange[]): Acceptance {
    const applied: SignedChange[] = [];
    const refused: string[] = [];
    const written = new Map<PeerId, Operation[]>();
    const take = (fitting: readonly Fitting[]) => {
      for (const { change, facts } of fitting) {
        applied.push(change);
        written.set(change.author, [...written.get(change.author) ?? [], ...facts.operations]);
      }
    };
    for (let open = changes; open.length > 0; open = this.#log.takeReady()) {
      const fitting = this.#judge(open, refused);
      if (this.#apply(fitting)) {
        take(fitting);
        continue;
      }
      // One of them is senseless. Tried alone it is found; those that build on it will wait in vain.
      for (const { change } of fitting) {
        const alone = this.#judge([change], refused);
        if (this.#apply(alone)) take(alone);
        else {refused.push(
            `Expected a change that applies, got a senseless one from ${change.author}`,
          );}
      }
    }
    if (applied.length > 0) this.#read(written);
    return { applied, refused };
  }

  /** How many changes of each actor this replica holds. */
  get held(): Record<string, number> {
    return this.#log.held;
  }

  /**
   * What a peer lacks that has `heads` and, of each actor, `held` changes; each change after those it
   * builds on, at most `limit`.
   */
  lackedBy(
    heads: readonly string[],
    limit = Infinity,
    held: Readonly<Record<string, number>> = {},
  ): SignedChange[] {
    return this.#log.lackedBy(heads, limit, held);
  }

  /** Whether something stands in `heads` that this replica has not got. */
  lacks(heads: readonly string[]): boolean {
    return !this.#log.hasAll(heads);
  }

  /** Frees the document. The state must not be used again. */
  dispose(): void {
    this.#document.free();
  }

  #write(write: (draft: RoomDraft) => void): SignedChange | undefined {
    const chunk = this.#document.change(write);
    if (chunk === undefined) return undefined;
    const facts = readChange(chunk);
    if (facts === undefined) throw new Error("Expected Automerge to read the change that it made");
    const { roomId, peerId, incarnation, signer } = this.#author;
    const change: SignedChange = {
      author: peerId,
      incarnation,
      public_key: signer.publicKey,
      change: chunk.toBase64(),
      signature: signer.sign(changeBytes(roomId, chunk)),
    };
    this.#log.add(change, facts);
    this.#read(new Map([[peerId, facts.operations]]));
    return change;
  }

  /**
   * Those of `changes` that may be applied, each after those it builds on. They are noted at once: the
   * next one is judged by them.
   */
  #judge(changes: readonly SignedChange[], refused: string[]): Fitting[] {
    const fitting: Fitting[] = [];
    for (const change of changes) {
      const judgement = judgeChange(change, this.#author, this.#log);
      if (judgement.verdict === "refused") refused.push(judgement.reason);
      if (judgement.verdict !== "fitting") continue;
      const { facts, chunk } = judgement;
      if (!this.#log.hasAll(facts.deps)) {
        this.#log.hold(change, facts);
        continue;
      }
      const wanted = misplacementOf(facts, change.author, this.#log);
      if (wanted !== undefined) {
        refused.push(`Expected ${wanted} from ${change.author}`);
        continue;
      }
      this.#log.add(change, facts);
      fitting.push({ change, facts, chunk });
    }
    return fitting;
  }

  /** Applies all of them, or none, which are then not noted any more. Gives whether it did. */
  #apply(fitting: readonly Fitting[]): boolean {
    if (fitting.length === 0) return true;
    if (this.#document.apply(fitting)) return true;
    for (const { facts } of fitting) this.#log.remove(facts);
    return false;
  }

  /** Reads the entries of those who wrote, and what each of them wrote. */
  #read(written: ReadonlyMap<PeerId, readonly Operation[]>): void {
    this.#heads = this.#document.heads;
    const entries = new Map(this.#entries);
    const rows = new Map(this.#rows);
    for (const [author, operations] of written) {
      const queued = rowsIn(this.#document.rowsOf(author));
      if (queued.size === 0) rows.delete(author);
      else rows.set(author, queued);
      const stored = this.#document.entriesOf(author, operations);
      const lives = livesIn(stored, author);
      const entry = latestOf(lives);
      if (author === this.#author.peerId) this.#judgeOwnLives(lives, entry);
      if (entry === undefined) entries.delete(author);
      else entries.set(author, entry);
      if (stored.length < 2) this.#contested.delete(author);
      else this.#contested.add(author);
    }
    this.#entries = entries;
    this.#rows = rows;
  }

  #judgeOwnLives(lives: readonly WorkerEntry[], latest: WorkerEntry | undefined): void {
    const { incarnation } = this.#author;
    const isReplaced = this.#settled !== undefined &&
      !lives.some((life) => life.incarnation === incarnation);
    if (!isReplaced || latest === undefined || latest.incarnation < incarnation) return;
    this.#laterLife = latest.incarnation;
  }
}

/** The entries of `author`'s that can be read, one a life. */
function livesIn(stored: readonly unknown[], author: PeerId): WorkerEntry[] {
  return stored.flatMap((value) => {
    const entry = decode(value, workerEntrySchema);
    return entry.ok && entry.value.peer_id === author ? [entry.value] : [];
  });
}

/** The rows that can be read. */
function rowsIn(stored: ReadonlyMap<string, unknown>): ReadonlyMap<JobId, QueueRow> {
  const rows = new Map<JobId, QueueRow>();
  for (const [jobId, text] of stored) {
    if (!isJobId(jobId) || typeof text !== "string") continue;
    const row = decodeJson(text, queueRowSchema);
    if (row.ok) rows.set(jobId, row.value);
  }
  return rows;
}

/**
 * The entry of the latest life. Which of two that were written apart Automerge prefers is chance, and
 * the last word of an earlier life must not hide a later one's.
 */
function latestOf(lives: readonly WorkerEntry[]): WorkerEntry | undefined {
  let latest: WorkerEntry | undefined;
  for (const life of lives) {
    if (latest === undefined || life.incarnation >= latest.incarnation) latest = life;
  }
  return latest;
}
