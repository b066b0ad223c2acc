import { equal } from "node:assert/strict";
import { whyTooLittle } from "../../scripts/proof/jobs/kills.ts";

const STRUCK = { isStruck: true, failure: undefined };
const MISSED = { isStruck: false, failure: undefined };
const FAILED = { isStruck: true, failure: "gone" };
const cases: [string, (typeof STRUCK | typeof FAILED)[], number, boolean][] = [
  ["all struck and whole", [STRUCK, STRUCK, STRUCK], 3, true],
  ["most struck and whole", [STRUCK, STRUCK, MISSED], 3, true],
  ["one struck of many", [STRUCK, MISSED, MISSED], 3, false],
  ["none whole", [FAILED, FAILED, FAILED], 3, false],
  ["half of them whole", [STRUCK, FAILED], 2, false],
  ["rounds that were not played", [STRUCK], 3, false],
  ["no round", [], 0, false],
];
for (const [what, outcomes, rounds, isEnough] of cases) {
  Deno.test(`what kills prove: ${what}`, () => {
    equal(whyTooLittle(outcomes, rounds) === undefined, isEnough);
  });
}
