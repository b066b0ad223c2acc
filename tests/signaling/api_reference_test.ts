/** The API reference against the schemas that the server checks with: nothing left out, nothing made up. */

import assert from "node:assert/strict";
import {
  fromServerSchema,
  refusalCodeSchema,
  toServerSchema,
} from "../../lib/protocol/signal_message.ts";
import { HTTP_REFUSAL_CODES } from "../../signaling/http_refusal.ts";
import { SIGNALING_LIMITS } from "../../signaling/limits.ts";
import { Metrics } from "../../signaling/metrics.ts";
import { CLOSE_CODE } from "../../signaling/room_event.ts";
import { ROUTES } from "../../signaling/route.ts";

const REFERENCE = await Deno.readTextFile(
  new URL("../../docs/api_reference.md", import.meta.url),
);
/** The rows of its tables. */
const ROWS = REFERENCE.split("\n").filter((line) => line.startsWith("| "));
/** All that stands in it as code, word by word. */
const WORDS = new Set(
  [...REFERENCE.matchAll(/`([^`]+)`/g)].flatMap(([, code = ""]) => code.split(/[^A-Za-z0-9_]+/)),
);

function assertNamed(what: string, names: Iterable<string>): void {
  const missing = [...names].filter((name) => !WORDS.has(name));
  assert.deepEqual(missing, [], `${what} that docs/api_reference.md does not name`);
}

Deno.test("api reference: every route has a row, and every message and refusal a name", () => {
  for (const { method, path } of ROUTES) {
    const pattern = new RegExp(`\\b${method.toUpperCase()}\\b[^|]*${path}\\b`);
    assert(ROWS.some((row) => pattern.test(row)), `${method} ${path}`);
  }
  const requests = toServerSchema.options.map(({ shape }) => shape.type.value);
  const answers = fromServerSchema.options.map(({ shape }) => shape.type.value);
  assertNamed("Messages", [...requests, ...answers]);
  assertNamed("Refusals", [...refusalCodeSchema.options, ...HTTP_REFUSAL_CODES]);
});

Deno.test("api reference: the row of each route has the statuses that it refuses with", () => {
  for (const { method, path, refusals } of ROUTES) {
    const pattern = new RegExp(`\\b${method.toUpperCase()}\\b[^|]*${path}\\b(?!-)`);
    const told = ROWS.find((row) => pattern.test(row))?.split("|").at(-2)?.trim() ?? "";
    assert.equal(told, refusals.toSorted().join(" "), `${method} ${path}`);
  }
});

Deno.test("api reference: no refusal is made up", () => {
  const codes = new Set<string>([...refusalCodeSchema.options, ...HTTP_REFUSAL_CODES]);
  const invented = [...WORDS].filter((word) => /^[A-Z]+(_[A-Z]+)+$/.test(word) && !codes.has(word));
  assert.deepEqual(invented, []);
});

Deno.test("api reference: the row of each request names its fields", () => {
  for (const { shape } of toServerSchema.options) {
    const type = shape.type.value;
    const row = ROWS.find((line) => line.split("|")[1]?.includes(`\`${type}\``));
    assert(row !== undefined, `a row of ${type}`);
    const fields = Object.keys(shape).filter((name) => !["type", "request_id"].includes(name));
    for (const field of fields) assert(row.includes(field), `${field} of ${type}`);
  }
});

Deno.test("api reference: every field of the welcome and every close code is there", () => {
  const welcome = fromServerSchema.options.find(({ shape }) =>
    shape.type.value === "registered_auth"
  );
  assertNamed("Fields", Object.keys(welcome?.shape ?? {}).filter((name) => name !== "type"));
  const told = /^Close codes: ([\s\S]+?)\n\n/m.exec(REFERENCE)?.[1] ?? "";
  for (const code of Object.values(CLOSE_CODE)) assert(told.includes(String(code)), String(code));
});

Deno.test("api reference: every metric has a row", async () => {
  const counts = { rooms: 0, registryRooms: 0, workers: 0, clients: 0, sockets: 0 };
  const text = await new Metrics(() => ({ ...counts, bufferedBytes: 0 })).text();
  const names = [...text.matchAll(/^# TYPE (?:sleap_rtc_)?(\w+)/gm)].map(([, name = ""]) => name);
  assert(names.length > 20);
  assertNamed("Metrics", names);
});

Deno.test("api reference: the limits are those that are held", () => {
  const limits = /\*\*Limits\*\*:([\s\S]+?)\n\n/.exec(REFERENCE)?.[1]?.replace(/\s+/g, " ") ?? "";
  const { frames, socketsPerAddressMax, guesses, creations, requestMs, pendingPerAddressMax } =
    SIGNALING_LIMITS;
  const { openings, requests } = SIGNALING_LIMITS;
  for (
    const stated of [
      `${frames.capacity.toLocaleString("en")} frames at once and ${frames.perSecond} a second`,
      `${SIGNALING_LIMITS.registerMs / 1_000} s to register`,
      `a ping every ${SIGNALING_LIMITS.pingIntervalMs / 1_000} s`,
      `after ${SIGNALING_LIMITS.silenceMs / 1_000} s of silence`,
      `${socketsPerAddressMax.toLocaleString("en")} sockets of one address`,
      `opens ${openings.capacity.toLocaleString("en")} at once and ${openings.perSecond} a second`,
      `${
        requests.capacity.toLocaleString("en")
      } requests of one address at once and ${requests.perSecond} a second`,
      `${guesses.capacity} wrong tokens`,
      `${pendingPerAddressMax} connections of one address`,
      `${creations.capacity} sign-ins`,
      `${requestMs / 1_000} s for a request to arrive`,
    ]
  ) assert(limits.includes(stated), stated);
});
