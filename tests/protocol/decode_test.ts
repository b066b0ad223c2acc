import { deepEqual, equal } from "node:assert/strict";
import { z } from "zod";
import { decodeJson } from "../../lib/protocol/decode.ts";

const schema = z.object({ payload: z.json() });

Deno.test("decode: a value as its schema wants it, or the first field that is wrong", () => {
  deepEqual(decodeJson('{"payload":[1]}', schema), { ok: true, value: { payload: [1] } });
  equal(decodeJson("{}", schema).ok, false);
  equal(decodeJson("{", schema).ok, false);
});

Deno.test("decode: a value of any depth is accepted or refused, and never throws", () => {
  for (const depth of [10, 2_000, 30_000, 400_000]) {
    const text = `{"payload":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    equal(decodeJson(text, schema).ok, depth === 10, `${depth} deep`);
  }
});
