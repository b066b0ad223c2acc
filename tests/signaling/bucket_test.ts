import assert from "node:assert/strict";
import { Bucket, Buckets } from "../../signaling/bucket.ts";

Deno.test("bucket: a burst passes, then what flows back", () => {
  const bucket = new Bucket({ capacity: 3, perSecond: 2 }, 1_000);
  const table: [now: number, amount: number, taken: boolean][] = [
    [1_000, 2, true],
    [1_000, 1, true],
    [1_000, 1, false],
    [1_499, 1, false],
    [1_500, 1, true],
    // It never holds more than its capacity, and a clock that stands still fills nothing.
    [60_000, 4, false],
    [60_000, 3, true],
    [60_000, 1, false],
  ];
  for (const [now, amount, taken] of table) assert.equal(bucket.take(amount, now), taken);
  assert.equal(bucket.waitMs(1, 60_000), 500);
  assert.equal(bucket.waitMs(1, 60_500), 0);
});

Deno.test("buckets: each name has its own, and the one used longest ago is forgotten", () => {
  const buckets = new Buckets({ capacity: 1, perSecond: 1 }, 2);
  assert.equal(buckets.take("a", 0), true);
  assert.equal(buckets.take("a", 0), false);
  assert.equal(buckets.take("b", 0), true);
  assert.equal(buckets.waitMs("a", 0), 1_000);
  assert.equal(buckets.waitMs("never seen", 0), 0);
  assert.equal(buckets.take("a", 0), false);
  assert.equal(buckets.take("c", 0), true);
  assert.equal(buckets.take("a", 0), false);
  assert.equal(buckets.take("b", 0), true);
});
