/** What a pair of candidates says of a link's path. */

import { equal } from "node:assert/strict";
import { type LinkPath, pathBetween } from "../../lib/rtc/link.ts";

Deno.test("the farther end of a pair tells the path", () => {
  const table: [local: string, remote: string, path: LinkPath][] = [
    ["host", "host", "host"],
    ["host", "srflx", "srflx"],
    ["prflx", "host", "srflx"],
    ["host", "relay", "relay"],
    ["relay", "srflx", "relay"],
    ["host", "unheard of", "unknown"],
  ];
  for (const [local, remote, path] of table) {
    equal(pathBetween(local, remote), path, `${local} ${remote}`);
  }
});
