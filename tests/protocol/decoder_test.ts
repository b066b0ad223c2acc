/** Every decoder of the protocol: what it lets through comes back the same, and nothing else passes. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { z } from "zod";
import { decode, decodeJson } from "../../lib/protocol/decode.ts";
import { helloSchema, helloVersionSchema } from "../../lib/protocol/hello.ts";
import { jobMessageSchema } from "../../lib/protocol/job_message.ts";
import { jobSpecSchema } from "../../lib/protocol/job_spec.ts";
import { legacyRelaySchema } from "../../lib/protocol/legacy_relay.ts";
import { linkMessageSchema } from "../../lib/protocol/link_message.ts";
import { linkSignalSchema } from "../../lib/protocol/link_signal.ts";
import { directoryMessageSchema, meshMessageSchema } from "../../lib/protocol/mesh_message.ts";
import { filtersSchema } from "../../lib/protocol/query.ts";
import { queueMessageSchema, queueRowSchema } from "../../lib/protocol/queue_message.ts";
import { fromServerSchema, toServerSchema } from "../../lib/protocol/signal_message.ts";
import { transferMessageSchema } from "../../lib/protocol/transfer_message.ts";
import { watchMessageSchema } from "../../lib/protocol/watch_message.ts";
import { workerEntrySchema } from "../../lib/protocol/worker.ts";
import { beyondLimits, shapeOf, unlimited, valuesOf } from "./arbitrary.ts";

const UNIONS: readonly [name: string, options: readonly z.ZodType[]][] = [
  ["mesh message", meshMessageSchema.options],
  ["directory message", directoryMessageSchema.options],
  ["job message", jobMessageSchema.options],
  ["job specification", jobSpecSchema.options],
  ["transfer message", transferMessageSchema.options],
  ["watch message", watchMessageSchema.options],
  ["queue message", queueMessageSchema.options],
  ["queue row", [queueRowSchema]],
  ["message to the server", toServerSchema.options],
  ["message from the server", fromServerSchema.options],
  ["relayed message of the original", legacyRelaySchema.options],
  ["link signal", linkSignalSchema.options],
  ["hello", [helloSchema]],
  ["version of a hello", [helloVersionSchema]],
  ["filters", [filtersSchema]],
  ["entry", [workerEntrySchema]],
];
const WHOLE: readonly z.ZodType[] = [
  linkMessageSchema,
  toServerSchema,
  fromServerSchema,
  helloSchema,
  legacyRelaySchema,
];
/** Values drawn of each kind of message. */
const RUNS = { numRuns: 8, seed: 2 };

for (const [name, options] of UNIONS) {
  Deno.test(`${name}: what is let through comes back the same`, () => {
    for (const option of options) {
      fc.assert(
        fc.property(valuesOf(option), (value) => {
          const first = decodeJson(JSON.stringify(value), option);
          assert.ok(first.ok, first.ok ? "" : first.reason);
          assert.ok(holds(first.value, JSON.parse(JSON.stringify(value))), "loses a field");
          assert.deepEqual(decodeJson(JSON.stringify(first.value), option), first);
        }),
        RUNS,
      );
    }
  });

  Deno.test(`${name}: nothing beyond a limit passes`, () => {
    for (const option of options) {
      const shape = shapeOf(option);
      fc.assert(
        fc.property(valuesOf(option), (value) => {
          for (const [where, beyond] of beyondLimits(shape, value)) {
            assert.equal(decode(beyond, option).ok, false, `${where} has no limit`);
          }
        }),
        RUNS,
      );
    }
  });
}

/** What has a limit that a schema cannot show, or none but that of the frame that it travels in. */
const LIMITED_ELSEWHERE: readonly RegExp[] = [
  // `metadataSchema` and `heldSchema` count, and `filters` are matched against one worker at a time.
  /(metadata|peer_metadata\{\}|filters)\.properties\{\}$/,
  /^filters \.properties\{\}$/,
  /\.held\{\}$/,
  // Checked as a key, and counted in bytes.
  /^hello \.public_key$/,
  /config_content(s\[\])?$/,
  // A frame of the server has 64 KiB, a message on a link 1 MiB.
  /\.peer_metadata\{\}$/,
  /^message (to|from) the server \.(payload\{\}|peers|peer_list)$/,
  /^transfer message \.files$/,
];

Deno.test("texts, lists and tables have a limit, or are known to have it elsewhere", () => {
  const found = UNIONS.flatMap(([name, options]) =>
    options.flatMap((option) => [...unlimited(shapeOf(option))].map((path) => `${name} ${path}`))
  );
  const unknown = found.filter((path) => !LIMITED_ELSEWHERE.some((known) => known.test(path)));
  assert.deepEqual(unknown, []);
});

Deno.test("garbage gives a reason, and never throws", () => {
  const garbage = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify(value)),
  );
  for (const schema of WHOLE) {
    fc.assert(
      fc.property(garbage, (text) => {
        const decoded = decodeJson(text, schema);
        assert.ok(!decoded.ok && decoded.reason.length > 0 && decoded.reason.length <= 500);
      }),
      { numRuns: 100, seed: 3 },
    );
  }
});

Deno.test("a message with one field spoilt is refused or read, and never throws", () => {
  for (const schema of WHOLE) {
    fc.assert(
      fc.property(valuesOf(schema), fc.nat(), fc.jsonValue(), (value, index, spoilt) => {
        assert.ok(typeof value === "object" && value !== null);
        const names = Object.keys(value);
        const name = names[index % names.length] ?? "type";
        const decoded = decode({ ...value, [name]: spoilt }, schema);
        assert.equal(typeof (decoded.ok ? "" : decoded.reason), "string");
      }),
      { numRuns: 50, seed: 4 },
    );
  }
});

/** Whether everything that `part` says is in `whole`, which may say more (defaults). */
function holds(whole: unknown, part: unknown): boolean {
  if (typeof part !== "object" || part === null) return Object.is(whole, part);
  if (typeof whole !== "object" || whole === null) return false;
  const said = new Map<string, unknown>(Object.entries(whole));
  return Object.entries(part).every(([name, value]) => holds(said.get(name), value));
}
