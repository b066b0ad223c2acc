/** What is read of an entry, and how much of it, by what was written. */

import assert from "node:assert/strict";
import type { Operation } from "../../lib/mesh/automerge.ts";
import { EntryReader } from "../../lib/mesh/entry_reader.ts";

const ENTRY = "2@aa";
const JOB = "9@aa";

function write(object: string, key: string, action = "set", id = "8@aa"): Operation {
  return { id, action, object, key, value: undefined, pred: [] };
}

/** A reader that has read `w1`'s entry once, and what it has asked for since. */
function readOnce(objects: (string | undefined)[] = [ENTRY]) {
  const asked: string[] = [];
  const fields: Record<string, unknown> = { status: "available", current_job: null };
  const reader = new EntryReader({
    objectsOf: () => objects,
    whole: (object) => {
      asked.push(object);
      return { ...fields };
    },
    field: (object, key) => {
      asked.push(`${object}.${key}`);
      return fields[key];
    },
  });
  reader.read("w1", []);
  asked.length = 0;
  return { reader, fields, asked };
}

Deno.test("entry reader: only what was written is read again", () => {
  const made = write(ENTRY, "current_job", "makeMap", JOB);
  const cases: [what: string, written: Operation[], asked: string[]][] = [
    ["nothing", [], []],
    ["a field", [write(ENTRY, "status")], [`${ENTRY}.status`]],
    ["a field twice", [write(ENTRY, "status"), write(ENTRY, "status")], [`${ENTRY}.status`]],
    ["the admin's name", [write("_root", "admin_peer_id")], []],
    ["a map and what is in it", [made, write(JOB, "job_id")], [`${ENTRY}.current_job`]],
    ["a map from before", [write(JOB, "job_id")], [ENTRY]],
    ["another entry", [write("1@00", "w1", "makeMap", "8@aa")], [ENTRY]],
  ];
  for (const [what, written, expected] of cases) {
    const { reader, asked } = readOnce();
    reader.read("w1", written);
    assert.deepEqual(asked, expected, what);
  }
});

Deno.test("entry reader: what was read before stays, but for what changed or went", () => {
  const { reader, fields } = readOnce();
  fields["status"] = "busy";
  assert.deepEqual(reader.read("w1", [write(ENTRY, "status")]), [
    { status: "busy", current_job: null },
  ]);
  delete fields["status"];
  assert.deepEqual(reader.read("w1", [write(ENTRY, "status", "del")]), [{ current_job: null }]);
  assert.deepEqual(reader.read("w1", []), [{ current_job: null }]);
});

Deno.test("entry reader: entries that stand side by side, and what is no map, are read whole", () => {
  for (const objects of [[ENTRY, "5@bb"], [undefined], []]) {
    const { reader, asked } = readOnce(objects);
    assert.equal(reader.read("w1", [write(ENTRY, "status")]).length, objects.length);
    assert.deepEqual(asked, objects.filter((object) => object !== undefined));
  }
});
