/** How large a file the transfer bench is to send. */

import { equal, throws } from "node:assert/strict";
import { bytesOf } from "../../../scripts/bench/transfer.ts";

for (
  const [text, bytes] of [["1GB", 1e9], ["200 MB", 2e8], ["1.5gb", 1.5e9], ["7KB", 7e3]] as const
) {
  Deno.test(`bench transfer: ${text} are ${bytes} bytes`, () => equal(bytesOf(text), bytes));
}

for (const text of ["", "1", "GB", "-1GB", "0MB", "1TB", "1e3MB"]) {
  Deno.test(`bench transfer: \`${text}\` is no size`, () => {
    throws(() => bytesOf(text), /Expected --size as a number of KB, MB or GB/);
  });
}
