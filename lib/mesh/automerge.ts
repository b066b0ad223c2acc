/**
 * The door to Automerge: makes, reads and applies changes of the one document that a room shares.
 * Knows the traps of the library and the shape of the genesis, not who may write what.
 */

import * as automerge from "@automerge/automerge/slim";
import type { CurrentJob, Property, WorkerEntry } from "../protocol/worker.ts";
import { EntryReader } from "./entry_reader.ts";

/** One operation of a change, as far as ownership depends on it. */
export interface Operation {
  /** `<counter>@<actor>`: also the object that it makes, where it makes one. */
  readonly id: string;
  readonly action: string;
  /** The object written to: `_root`, or `<counter>@<actor>`. */
  readonly object: string;
  readonly key: string | undefined;
  readonly value: unknown;
  /** The operations that it replaces, by their ids. */
  readonly pred: readonly string[];
}

/** What a change says of itself. */
export interface ChangeFacts {
  readonly actor: string;
  readonly seq: number;
  readonly hash: string;
  readonly deps: readonly string[];
  /** The counter of its first operation. */
  readonly startOp: number;
  readonly operations: readonly Operation[];
}

/** The actor of {@linkcode GENESIS}: nobody's. */
const GENESIS_ACTOR = "00";
/**
 * The first change of every room, the same bytes everywhere: documents that were born apart lose each
 * other's maps when merged (TRAPS). It makes the empty map `workers`.
 */
const GENESIS = "hW9Kg/5ib7kBIwABAAEBAAAABRUJNAFCAlYCcAJ/B3dvcmtlcnMBfwB/AH8A";
/** The object that {@linkcode GENESIS} made, by its only operation. */
export const WORKERS_OBJECT = `1@${GENESIS_ACTOR}`;
/** The document itself, and the name in it under which the admin's stands. */
export const ROOT_OBJECT = "_root";
export const ADMIN_KEY = "admin_peer_id";
/** What the names in it begin with under which rows of the queue stand. */
const QUEUE = "queue";
/**
 * The library's lower half. The upper one keeps all entries as JavaScript objects too, and lays them out
 * anew with every copy and every change, which takes ten times as long as the change itself.
 */
type Store = ReturnType<typeof automerge.getBackend>;

/**
 * Makes Automerge ready from its WebAssembly module. Once a process, before anything else here.
 *
 * @throws {Error} Where the module is not WebAssembly.
 */
export function initializeAutomerge(wasm: Uint8Array): Promise<void> {
  return automerge.initializeWasm(wasm);
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
      startOp: decoded.startOp,
      operations: decoded.ops.map((operation, index) => ({
        id: `${decoded.startOp + index}@${decoded.actor}`,
        action: operation.action,
        object: operation.obj,
        key: operation.key,
        value: operation.value,
        pred: operation.pred,
      })),
    };
  } catch {
    // The library throws on any malformed chunk; to the caller that is one answer: not a change.
    return undefined;
  }
}

/**
 * One room's document. Changes of others are tried on a copy: a well-formed, senseless one panics
 * inside the library and ruins the document that took it.
 */
export class RoomDocument {
  readonly #actor: string;
  readonly #entries = new EntryReader({
    objectsOf: (author) =>
      this.#store.getAll(WORKERS_OBJECT, author).map(([type, id]) =>
        type === "map" ? id : undefined
      ),
    whole: (object) => plain(this.#store.materialize(object)),
    field: (object, key) => this.#field(object, key),
  });
  #store: Store;
  #heads: readonly string[];

  /** The document as it is at birth, written to by `actor` (hexadecimal). Automerge must be ready. */
  constructor(actor: string) {
    this.#actor = actor;
    this.#store = automerge.getBackend(automerge.init({ actor }));
    this.#store.applyChanges([Uint8Array.fromBase64(GENESIS)]);
    this.#heads = headsOf(this.#store);
  }

  /** The names of the changes that nothing here builds on. Equal heads mean equal documents. */
  get heads(): readonly string[] {
    return this.#heads;
  }

  /** The worker that last named itself admin; a hint only. */
  get adminHint(): string | undefined {
    const hint = plain(this.#store.get(ROOT_OBJECT, ADMIN_KEY));
    return typeof hint === "string" ? hint : undefined;
  }

  /**
   * Applies changes, each after those it builds on. False, and nothing is different, where the library
   * cannot take all of them.
   */
  apply(changes: readonly { readonly chunk: Uint8Array; readonly facts: ChangeFacts }[]): boolean {
    const copy = this.#store.fork(this.#actor);
    const chunks = changes.map(({ chunk }) => chunk);
    const wanted = headsAfter(this.#heads, changes.map(({ facts }) => facts));
    // The library also swallows some bad input in silence: then its heads are not the wanted ones.
    const took = takes(copy, chunks) && headsOf(copy).join() === wanted.join();
    (took ? this.#store : copy).free();
    if (took) [this.#store, this.#heads] = [copy, wanted];
    return took;
  }

  /** Writes to the document, and gives the chunk that others must apply; `undefined` if nothing differs. */
  change(write: (draft: RoomDraft) => void): Uint8Array | undefined {
    write(new RoomDraft(this.#store));
    // `time: 0` makes heads depend on what was written alone, on every machine.
    if (this.#store.commit(null, 0) === null) return undefined;
    this.#heads = headsOf(this.#store);
    return this.#store.getLastLocalChange() ?? undefined;
  }

  /** What stands in the place of `author`'s entry: see {@linkcode EntryReader.read}. */
  entriesOf(author: string, written: readonly Operation[]): unknown[] {
    return this.#entries.read(author, written);
  }

  /** What `author` has written down of the queue, by job: as plain values not yet checked. */
  rowsOf(author: string): ReadonlyMap<string, unknown> {
    const prefix = queueKey(author, "");
    const keys = this.#store.keys(ROOT_OBJECT).filter((key) => key.startsWith(prefix));
    return new Map(
      keys.map((key) => [key.slice(prefix.length), plain(this.#store.get(ROOT_OBJECT, key))]),
    );
  }

  /** Frees the memory now; left alone, WebAssembly memory waits for the event loop to turn. */
  free(): void {
    this.#store.free();
  }

  /** Equal to what `materialize` of the whole object gives for the key, whatever a liar wrote there. */
  #field(object: string, key: string): unknown {
    const found = this.#store.getWithType(object, key);
    switch (found?.[0]) {
      case "map":
      case "list":
      case "table":
      case "text":
        return plain(this.#store.materialize(found[1]));
      case "counter":
        return { value: found[1] };
      default:
        return plain(found?.[1]);
    }
  }
}

function headsOf(store: Store): readonly string[] {
  return store.getHeads().toSorted();
}

/** The heads of a document that had `heads` once it has also taken `changes`. */
function headsAfter(heads: readonly string[], changes: readonly ChangeFacts[]): readonly string[] {
  const after = new Set(heads);
  for (const { hash, deps } of changes) {
    for (const dep of deps) after.delete(dep);
    after.add(hash);
  }
  return [...after].toSorted();
}

/** Where in the document `author`'s row of `jobId` stands. No name has a slash in it. */
export function queueKey(author: string, jobId: string): string {
  return `${QUEUE}/${author}/${jobId}`;
}

function takes(copy: Store, chunks: readonly Uint8Array[]): boolean {
  try {
    copy.applyChanges([...chunks]);
    return true;
  } catch {
    // A panic of the library on a senseless change. The caller throws the copy away.
    return false;
  }
}

/** A document while it is being written to. Writes only what differs. */
export class RoomDraft {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Names `peerId` admin. */
  nameAdmin(peerId: string): void {
    this.#put(ROOT_OBJECT, ADMIN_KEY, peerId);
  }

  /** Writes `author`'s row of a job, a text, or takes it away. */
  writeRow(author: string, jobId: string, row: string | undefined): void {
    const key = queueKey(author, jobId);
    if (row !== undefined) this.#put(ROOT_OBJECT, key, row);
    else this.#store.delete(ROOT_OBJECT, key);
  }

  /** Writes the whole entry anew: after a restart, or where other lives' entries stand. */
  replaceEntry({ peer_id, incarnation, status, current_job, metadata }: WorkerEntry): void {
    const entry = this.#store.putObject(WORKERS_OBJECT, peer_id, {});
    this.#put(entry, "peer_id", peer_id);
    this.#put(entry, "incarnation", incarnation);
    this.#put(entry, "status", status);
    this.#putJob(entry, current_job);
    const described = this.#store.putObject(entry, "metadata", {});
    this.#put(described, "tags", metadata.tags);
    const properties = this.#store.putObject(described, "properties", {});
    for (const [name, value] of Object.entries(metadata.properties)) {
      this.#put(properties, name, value);
    }
  }

  /** Writes what differs between `before`, the entry as it stands alone, and `after`. */
  updateEntry(before: WorkerEntry, after: WorkerEntry): void {
    const entry = this.#child(WORKERS_OBJECT, after.peer_id);
    const metadata = this.#child(entry, "metadata");
    const properties = this.#child(metadata, "properties");
    if (before.status !== after.status) this.#put(entry, "status", after.status);
    if (!same(before.current_job, after.current_job)) this.#putJob(entry, after.current_job);
    if (!same(before.metadata.tags, after.metadata.tags)) {
      this.#put(metadata, "tags", after.metadata.tags);
    }
    const names = new Set([
      ...Object.keys(before.metadata.properties),
      ...Object.keys(after.metadata.properties),
    ]);
    for (const name of names) {
      const value = after.metadata.properties[name];
      if (same(before.metadata.properties[name], value)) continue;
      if (value === undefined) this.#store.delete(properties, name);
      else this.#put(properties, name, value);
    }
  }

  #child(object: string, key: string): string {
    const found = this.#store.getWithType(object, key);
    if (found?.[0] !== "map") throw new Error(`Expected the map ${key}, got ${String(found?.[0])}`);
    return found[1];
  }

  #putJob(entry: string, job: CurrentJob | null): void {
    if (job === null) return this.#put(entry, "current_job", null);
    const stored = this.#store.putObject(entry, "current_job", {});
    this.#put(stored, "job_id", job.job_id);
    this.#put(stored, "client_id", job.client_id);
  }

  #put(object: string, key: string, value: Property): void {
    if (!Array.isArray(value)) return this.#store.put(object, key, value, datatypeOf(value));
    const list = this.#store.putObject(object, key, []);
    value.forEach((item, index) => this.#store.insert(list, index, item, datatypeOf(item)));
  }
}

/** Text is stored as a word, one operation, where collaborative text takes one a character. */
function datatypeOf(value: Exclude<Property, readonly unknown[]>) {
  if (value === null) return "null";
  if (typeof value === "string") return "str";
  if (typeof value === "boolean") return "boolean";
  return Number.isSafeInteger(value) ? "int" : "f64";
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
