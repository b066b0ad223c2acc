/** Which stray failures are absorbed, and which are left to end the process. */

import { equal, ok } from "node:assert/strict";
import { guardAgainstStrayFailures, isFromWerift } from "../../lib/rtc/guard.ts";

function failure(...lines: string[]): Error {
  const error = new Error("Bad datagram");
  error.stack = ["Error: Bad datagram", ...lines.map((line) => `    at ${line}`)].join("\n");
  return error;
}

const inCache = "SCTP.x (file:///cache/npm/registry/werift/0.25.2/lib/index.mjs:17090:11)";
const inModules = "file:///app/node_modules/werift/lib/index.mjs:17090:11";
const ours = "End.received (file:///app/lib/rtc/werift.ts:10:3)";
const runtime = "Buffer.readUInt8 (node:internal/buffer:1:2)";

const cases: readonly [name: string, failure: unknown, absorbed: boolean][] = [
  ["thrown in Deno's cache of werift", failure(inCache), true],
  ["thrown in node_modules", failure(inModules), true],
  ["thrown by the runtime for werift", failure(runtime, inCache, ours), true],
  ["thrown by our handler that werift called", failure(ours, inCache), false],
  ["thrown by the runtime for us", failure(runtime, ours, inCache), false],
  ["without a frame", failure(), false],
  ["no error at all", "werift/lib/", false],
];
for (const [name, thrown, absorbed] of cases) {
  Deno.test(`a failure ${name} is ${absorbed ? "werift's" : "not werift's"}`, () => {
    equal(isFromWerift(thrown), absorbed);
  });
}

/** Hands `reason` to whoever listens; true where somebody absorbed it. */
function reject(reason: unknown): boolean {
  const promise = Promise.resolve();
  return !globalThis.dispatchEvent(
    new PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason }),
  );
}

Deno.test("absorbs, logs and counts werift's failures until it is disposed of", () => {
  const notices: string[] = [];
  const guard = guardAgainstStrayFailures({ write: (level) => notices.push(level) });
  try {
    ok(reject(failure(inCache)));
    ok(!reject(failure(ours)));
    const error = new ErrorEvent("error", { cancelable: true, error: failure(inModules) });
    ok(!globalThis.dispatchEvent(error));
    equal(guard.count, 2);
    equal(notices.join(), "warning,warning");
  } finally {
    guard[Symbol.dispose]();
  }
  ok(!reject(failure(inCache)));
  equal(guard.count, 2);
});
