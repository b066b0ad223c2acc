import { equal, rejects } from "node:assert/strict";
import { within } from "../../lib/runtime/deadline.ts";

Deno.test("what comes in time is given, and what fails in time is thrown", async () => {
  equal(await within(Promise.resolve(7), 10_000, "late"), 7);
  await rejects(within(Promise.reject(new Error("no")), 10_000, "late"), /^Error: no$/);
});

Deno.test("what never comes ends with the message, and leaves no timer", async () => {
  await rejects(within(new Promise(() => {}), 1, "The disk does not answer"), /The disk does not/);
});
