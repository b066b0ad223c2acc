/** Conditions on properties as people type them. */

import { deepEqual, equal, throws } from "node:assert/strict";
import { propertyFilter } from "../../lib/cli/property_filter.ts";

Deno.test("conditions become filters", () => {
  const cases: [string[], unknown][] = [
    [["cuda>=12"], { cuda: { $gte: 12 } }],
    [["cuda > 11.8", "cuda<13"], { cuda: { $gt: 11.8, $lt: 13 } }],
    [["gpu_model=RTX A5000"], { gpu_model: { $eq: "RTX A5000" } }],
    [["shared=true", "site!=home"], { shared: { $eq: true }, site: { $ne: "home" } }],
    [["cuda in 11, 12.1"], { cuda: { $in: [11, 12.1] } }],
    [["gpu_model in RTX A5000,A6000", "shared in true"], {
      gpu_model: { $in: ["RTX A5000", "A6000"] },
      shared: { $in: [true] },
    }],
    [["in=in in"], { in: { $eq: "in in" } }],
    [["version<=1.2.3"], { version: { $lte: "1.2.3" } }],
  ];
  for (const [conditions, wanted] of cases) deepEqual(propertyFilter(conditions), wanted);
  equal(propertyFilter([]), undefined);
});

Deno.test("a condition without name, operator or value is refused, and a contradiction too", () => {
  for (const text of ["cuda", ">=12", "cuda>=", "", "a b=c", "cuda in", "in in"]) {
    throws(() => propertyFilter([text]), /Expected a condition such as/, text);
  }
  throws(() => propertyFilter(["a=1", "a=2"]), /Expected one condition = on a, got two/);
});
