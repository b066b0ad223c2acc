/** Exit codes: each failure has its own, each code its meaning. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { Failure, type FailureKind } from "../../lib/base/failure.ts";
import {
  EXIT,
  EXIT_MEANINGS,
  exitCodeOf,
  exitCodeOfInterruption,
} from "../../lib/cli/exit_code.ts";
import { Mistake } from "../../lib/cli/mistake.ts";
import { verdictOf } from "../../lib/cli/verdict.ts";
import { ConfigError } from "../../lib/runtime/config.ts";
import { IdentityError } from "../../lib/runtime/credentials.ts";

const CODES: readonly [FailureKind, number][] = [
  ["job_failed", 1],
  ["job_cancelled", 1],
  ["server_unreachable", 4],
  ["room_refused", 5],
  ["no_worker", 6],
  ["job_refused", 6],
  ["worker_lost", 7],
  ["corrupt", 7],
  ["protocol", 8],
];

Deno.test("each kind of failure ends in its documented exit code", async () => {
  for (const [kind, code] of CODES) {
    equal(exitCodeOf(kind), code, kind);
    const verdict = await verdictOf(new Failure(kind, "Sentence"));
    deepEqual(verdict, { exitCode: code, kind, message: "Sentence" });
  }
});

Deno.test("what the person can put right has its code, all else is our fault", async () => {
  const cases: [unknown, number][] = [
    [new Mistake("x"), 2],
    [new Mistake("x", { exitCode: EXIT.badInput }), 3],
    [new ConfigError("x"), 2],
    [new IdentityError("x"), 5],
    [new TypeError("x"), 70],
    ["thrown text", 70],
  ];
  for (const [error, code] of cases) equal((await verdictOf(error)).exitCode, code, String(error));
});

Deno.test("a verdict tells the causes, cleaned and once", async () => {
  const cause = new Error("Connection refused\u001b[2J", {
    cause: new Error("Connection refused"),
  });
  const { message } = await verdictOf(new Failure("server_unreachable", "No answer", { cause }));
  equal(message, "No answer: Connection refused");
});

Deno.test("the codes of signals are those of shells", () => {
  const signal = (reason: string) => {
    const controller = new AbortController();
    controller.abort(reason);
    return controller.signal;
  };
  equal(exitCodeOfInterruption(signal("SIGINT")), 130);
  equal(exitCodeOfInterruption(signal("SIGTERM")), 143);
});

Deno.test("no two codes are equal, and each is explained", () => {
  const codes = Object.values(EXIT);
  equal(new Set(codes).size, codes.length);
  deepEqual(Object.keys(EXIT_MEANINGS), Object.keys(EXIT));
  ok(Object.values(EXIT_MEANINGS).every((meaning) => meaning.length > 3));
});
