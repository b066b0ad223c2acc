/**
 * Reads workers' entries out of a room's document; of one that was read before, only what was written
 * since. Knows what may have changed by the operations, not what an entry may say.
 */

import type { Operation } from "./automerge.ts";

/** A document to read from. */
export interface EntrySource {
  /** What stands in the place of `author`'s entry: maps by their ids, and `undefined` for all else. */
  objectsOf(author: string): readonly (string | undefined)[];
  /** All that the map `object` holds, as plain values. */
  whole(object: string): unknown;
  /** One value of the map `object`; `undefined` where there is none. */
  field(object: string, key: string): unknown;
}

/** An entry that stands alone, as it was read last. */
interface Known {
  readonly object: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The entries of one document. To read a whole one takes three times as long as one field of it. */
export class EntryReader {
  readonly #source: EntrySource;
  readonly #known = new Map<string, Known>();

  constructor(source: EntrySource) {
    this.#source = source;
  }

  /**
   * What stands in the place of `author`'s entry, as plain values not yet checked: more than one where
   * two of its lives wrote without knowing of each other. `written` must hold every operation of
   * `author`'s since this was called last.
   */
  read(author: string, written: readonly Operation[]): unknown[] {
    const known = this.#known.get(author);
    const touched = known === undefined ? undefined : fieldsTouched(known.object, written);
    if (known === undefined || touched === undefined) return this.#readWhole(author);
    const fields = { ...known.fields };
    for (const key of touched) {
      const value = this.#source.field(known.object, key);
      if (value === undefined) delete fields[key];
      else fields[key] = value;
    }
    this.#known.set(author, { object: known.object, fields });
    return [fields];
  }

  #readWhole(author: string): unknown[] {
    const objects = this.#source.objectsOf(author);
    const values = objects.map((object) =>
      object === undefined ? undefined : this.#source.whole(object)
    );
    this.#known.delete(author);
    const [object, ...others] = objects;
    const [value] = values;
    if (object !== undefined && others.length === 0 && isRecord(value)) {
      this.#known.set(author, { object, fields: value });
    }
    return values;
  }
}

/**
 * The fields of the map `entry` that may differ after `written`; `undefined` where something else may:
 * another entry may stand there, or a map within this one was written to.
 */
function fieldsTouched(
  entry: string,
  written: readonly Operation[],
): ReadonlySet<string> | undefined {
  const touched = new Set<string>();
  const made = new Set<string>();
  for (const { id, action, object, key } of written) {
    if (object === entry && key !== undefined) touched.add(key);
    // The map under a field that was touched is read anew with that field.
    else if (object !== "_root" && !made.has(object)) return undefined;
    if (action.startsWith("make")) made.add(id);
  }
  return touched;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
