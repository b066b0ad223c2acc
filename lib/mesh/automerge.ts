/**
 * The door to Automerge: makes, reads and applies changes of the one document that a room shares.
 * Knows the traps of the library and the shape of the genesis, not who may write what.
 */

import * as automerge from "@automerge/automerge/slim";
import type { CurrentJob, Property, WorkerEntry } from "../protocol/worker.ts";

/** A room's document. Opaque outside this file and `room_state.ts`. */
export type RoomDocument = automerge.Doc<RoomShape>;

/** Text that is a name or a word: one operation, where collaborative text takes one a character. */
type Word = automerge.ImmutableString;
type Stored = Word | number | boolean | null | (Word | number)[];

/** The document as it is stored. */
interface RoomShape {
  admin_peer_id?: Word;
  workers: Record<string, StoredEntry>;
}
interface StoredEntry {
  peer_id: Word;
  incarnation: number;
  status: Word;
  current_job: { job_id: Word; client_id: Word } | null;
  metadata: { tags: Word[]; properties: Record<string, Stored> };
}

/** One operation of a change, as far as ownership depends on it. */
export interface Operation {
  readonly action: string;
  /** The object written to: `_root`, or `<counter>@<actor>`. */
  readonly object: string;
  readonly key: string | undefined;
  readonly value: unknown;
}

/** What a change says of itself. */
export interface ChangeFacts {
  readonly actor: string;
  readonly seq: number;
  readonly hash: string;
  readonly deps: readonly string[];
  readonly operations: readonly Operation[];
}

/** The actor of {@linkcode GENESIS}: nobody's. */
const GENESIS_ACTOR = "00";
/**
 * The first change of every room, the same bytes everywhere: documents that were born apart lose each
 * other's maps when merged (TRAPS). It makes the empty map `workers`.
 */
const GENESIS = "hW9Kg/5ib7kBIwABAAEBAAAABRUJNAFCAlYCcAJ/B3dvcmtlcnMBfwB/AH8A";
/** The object that {@linkcode GENESIS} made. */
export const WORKERS_OBJECT = `1@${GENESIS_ACTOR}`;

/**
 * Makes Automerge ready from its WebAssembly module. Once a process, before anything else here.
 *
 * @throws {Error} Where the module is not WebAssembly.
 */
export function initializeAutomerge(wasm: Uint8Array): Promise<void> {
  return automerge.initializeWasm(wasm);
}

/** A room's document as it is at birth, written to by `actor` (hexadecimal). */
export function createDocument(actor: string): RoomDocument {
  const [document] = automerge.applyChanges(
    automerge.init<RoomShape>({ actor }),
    [Uint8Array.fromBase64(GENESIS)],
  );
  return document;
}

/** Frees a document's memory now; left alone, WebAssembly memory waits for the event loop to turn. */
export function freeDocument(document: RoomDocument): void {
  automerge.free(document);
}

/** The names of the changes that nothing in `document` builds on. Equal heads mean equal documents. */
export function headsOf(document: RoomDocument): string[] {
  return automerge.getHeads(document).toSorted();
}

/** What a change says of itself; `undefined` where `chunk` is no uncompressed change. */
export function readChange(chunk: Uint8Array): ChangeFacts | undefined {
  // A compressed chunk (type 2 at byte 8) can inflate a thousandfold: only type 1 is opened.
  if (chunk.length < 16 || chunk[8] !== 1) return undefined;
  try {
    const decoded = automerge.decodeChange(chunk);
    return {
      actor: decoded.actor,
      seq: decoded.seq,
      hash: decoded.hash ?? "",
      deps: decoded.deps,
      operations: decoded.ops.map((operation) => ({
        action: operation.action,
        object: operation.obj,
        key: operation.key,
        value: operation.value,
      })),
    };
  } catch {
    // The library throws on any malformed chunk; to the caller that is one answer: not a change.
    return undefined;
  }
}

/**
 * `document` with `chunk` applied, or `undefined` where the library cannot take it. The change is
 * tried on a copy: a senseless one panics inside and would ruin the document. On success the old
 * document is freed and must not be used again.
 */
export function withChange(document: RoomDocument, chunk: Uint8Array): RoomDocument | undefined {
  const copy = automerge.clone(document, { actor: automerge.getActorId(document) });
  const changed = appliedTo(copy, chunk);
  // The library also swallows some bad input in silence: then the heads stay where they were.
  if (changed === undefined || headsOf(changed).join() === headsOf(document).join()) {
    automerge.free(copy);
    return undefined;
  }
  automerge.free(document);
  return changed;
}

function appliedTo(copy: RoomDocument, chunk: Uint8Array): RoomDocument | undefined {
  try {
    return automerge.applyChanges(copy, [chunk])[0];
  } catch {
    // A panic of the library on a senseless change. The caller throws the copy away.
    return undefined;
  }
}

/** Writes to the document, and gives the new document with the chunk that others must apply. */
export function changeDocument(
  document: RoomDocument,
  write: (draft: RoomDraft) => void,
): { document: RoomDocument; chunk: Uint8Array } | undefined {
  // `time: 0` makes heads depend on what was written alone, on every machine.
  const changed = automerge.change(document, { time: 0 }, (stored) => write(new RoomDraft(stored)));
  const chunk = automerge.getLastLocalChange(changed);
  if (chunk === undefined || headsOf(changed).join() === headsOf(document).join()) return undefined;
  return { document: changed, chunk };
}

/** The entry of `author` as a plain value, not yet checked by a schema; `undefined` where there is none. */
export function entryOf(document: RoomDocument, author: string): unknown {
  // Read from the document as it stands: `toJS` copies all of it, and takes 0.7 ms for ten workers.
  return plain(document.workers[author]);
}

/** The worker that last named itself admin; a hint only. */
export function adminHintOf(document: RoomDocument): string | undefined {
  return document.admin_peer_id?.val;
}

/** How many concurrent values stand in the place of `author`'s entry: more than 1 after a conflict. */
export function entryConflicts(document: RoomDocument, author: string): number {
  let count = 1;
  // Nested objects of a copy still point at the document it was copied from, which is freed by now;
  // those that `change` hands out do not. A change that writes nothing changes nothing.
  automerge.change(document, { time: 0 }, (stored) => {
    const conflicts = automerge.getConflicts(stored.workers, author);
    if (conflicts !== undefined) count = Object.keys(conflicts).length;
  });
  return count;
}

/** A document while it is being written to. Writes only what differs. */
export class RoomDraft {
  readonly #stored: RoomShape;

  constructor(stored: RoomShape) {
    this.#stored = stored;
  }

  /** Names `peerId` admin. */
  nameAdmin(peerId: string): void {
    this.#stored.admin_peer_id = word(peerId);
  }

  /** Writes the whole entry anew: after a restart, or where another life's entry stands. */
  replaceEntry(entry: WorkerEntry): void {
    this.#stored.workers[entry.peer_id] = {
      peer_id: word(entry.peer_id),
      incarnation: entry.incarnation,
      status: word(entry.status),
      current_job: storedJob(entry.current_job),
      metadata: {
        tags: entry.metadata.tags.map(word),
        properties: Object.fromEntries(
          Object.entries(entry.metadata.properties).map((
            [key, value],
          ) => [key, storedProperty(value)]),
        ),
      },
    };
  }

  /** Writes what differs between `before`, the entry as it stands, and `after`. */
  updateEntry(before: WorkerEntry, after: WorkerEntry): void {
    const stored = this.#stored.workers[after.peer_id];
    if (stored === undefined) return this.replaceEntry(after);
    if (before.status !== after.status) stored.status = word(after.status);
    if (!same(before.current_job, after.current_job)) {
      stored.current_job = storedJob(after.current_job);
    }
    if (!same(before.metadata.tags, after.metadata.tags)) {
      stored.metadata.tags = after.metadata.tags.map(word);
    }
    const names = new Set([
      ...Object.keys(before.metadata.properties),
      ...Object.keys(after.metadata.properties),
    ]);
    for (const name of names) {
      const value = after.metadata.properties[name];
      if (same(before.metadata.properties[name], value)) continue;
      if (value === undefined) delete stored.metadata.properties[name];
      else stored.metadata.properties[name] = storedProperty(value);
    }
  }
}

function word(text: string): Word {
  return new automerge.ImmutableString(text);
}

function storedJob(job: CurrentJob | null): StoredEntry["current_job"] {
  return job === null ? null : { job_id: word(job.job_id), client_id: word(job.client_id) };
}

function storedProperty(value: Property): Stored {
  if (typeof value === "string") return word(value);
  return Array.isArray(value) ? value.map(word) : value;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Words become text again, at any depth. */
function plain(value: unknown): unknown {
  if (automerge.isImmutableString(value)) return value.val;
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}
