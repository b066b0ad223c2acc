/** No hostile name becomes a file, by archive, manifest or specification; good ones do. */

import { equal, ok } from "node:assert/strict";
import { decode } from "../../lib/protocol/decode.ts";
import { nameFault, nameKey } from "../../lib/protocol/file_name.ts";
import { jobSpecSchema } from "../../lib/protocol/job_spec.ts";
import { manifestSchema, relativePathSchema } from "../../lib/protocol/manifest.ts";
import { GOOD_NAMES, HOSTILE_NAMES, TWIN_NAMES } from "./hostile_names.ts";

const entry = (path: string) => ({ path, bytes: 1, sha256: "a".repeat(64) });
const spec = (path: string) => ({ kind: "train", runner: "demo", package: path, run_name: "x" });

for (const [fault, names] of Object.entries(HOSTILE_NAMES)) {
  Deno.test(`${names.length} names are refused everywhere: ${fault}`, () => {
    for (const name of names) {
      const label = JSON.stringify(name.slice(0, 60));
      ok(nameFault(name) !== undefined, label);
      ok(!decode(name, relativePathSchema).ok, label);
      ok(!decode({ files: [entry(name)] }, manifestSchema).ok, label);
      ok(!decode(spec(name), jobSpecSchema).ok, label);
    }
  });
}

Deno.test("the corpus has at least 200 hostile names", () => {
  const count = Object.values(HOSTILE_NAMES).flat().length + TWIN_NAMES.length;
  ok(count >= 200, String(count));
});

for (const name of GOOD_NAMES) {
  Deno.test(`a name that people use is let through: ${name.slice(0, 60)}`, () => {
    equal(nameFault(name), undefined);
    ok(decode({ files: [entry(name)] }, manifestSchema).ok);
  });
}

for (const [one, other] of TWIN_NAMES) {
  Deno.test(`one manifest does not have both: ${JSON.stringify([one, other])}`, () => {
    equal(nameKey(one), nameKey(other));
    ok(!decode({ files: [entry(one), entry(other)] }, manifestSchema).ok);
  });
}

Deno.test("names that only look alike are two", () => {
  ok(decode({ files: [entry("a.slp"), entry("b.slp"), entry("a/a.slp")] }, manifestSchema).ok);
});

Deno.test("a refusal of a name repeats no control character", () => {
  for (const name of HOSTILE_NAMES["hidden characters"] ?? []) {
    const decoded = decode(name, relativePathSchema);
    // deno-lint-ignore no-control-regex -- control characters are what is sought
    ok(!decoded.ok && !/[\u0000-\u001f\u007f-\u009f\u202e]/.test(decoded.reason));
  }
});
