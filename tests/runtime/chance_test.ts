import { equal, match, ok } from "node:assert/strict";
import {
  newJobId,
  newLinkId,
  newRequestId,
  randomName,
  systemRandom,
} from "../../lib/runtime/chance.ts";

const makers: [string, () => string, RegExp][] = [
  ["job ids", newJobId, /^job-[a-z2-7]{12}$/],
  ["link ids", newLinkId, /^[a-z2-7]{12}$/],
  ["request ids", newRequestId, /^r[a-z2-7]{12}$/],
];
for (const [what, make, form] of makers) {
  Deno.test(`chance: ${what} are well-formed, and none comes twice`, () => {
    const names = Array.from({ length: 1_000 }, make);
    for (const name of names) match(name, form);
    equal(new Set(names).size, names.length);
  });
}

Deno.test("chance: names of every length", () => {
  for (let length = 0; length < 40; length++) equal(randomName(length).length, length);
});

Deno.test("chance: numbers from 0 to below 1, in every quarter", () => {
  const quarters = new Set<number>();
  for (let count = 0; count < 1_000; count++) {
    const number = systemRandom.next();
    ok(number >= 0 && number < 1);
    quarters.add(Math.floor(number * 4));
  }
  equal(quarters.size, 4);
});
