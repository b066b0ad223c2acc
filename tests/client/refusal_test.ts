import { equal } from "node:assert/strict";
import { isJobId, isPeerId, isRequestId } from "../../lib/base/id.ts";
import { refusalFailure } from "../../lib/client/refusal.ts";

function checked<T extends string>(is: (text: string) => text is T, text: string): T {
  if (!is(text)) throw new Error(`Expected an id, got ${text}`);
  return text;
}

const refusal = {
  type: "job_refused",
  request_id: checked(isRequestId, "req-abcdefghijkl"),
  job_id: checked(isJobId, "job-abcdefghijkl"),
  code: "busy",
  reason: "The worker runs another job",
} as const;
const cases: [string, number | undefined, string][] = [
  ["that says no more", undefined, "gpu: The worker runs another job"],
  ["that says when", 754_000, "gpu: The worker runs another job; ask again in 12m 34s"],
];
for (const [what, retry_after_ms, message] of cases) {
  Deno.test(`a refusal ${what}, as a person reads it`, () => {
    const told = retry_after_ms === undefined ? refusal : { ...refusal, retry_after_ms };
    equal(refusalFailure(checked(isPeerId, "gpu"), told).message, message);
  });
}
