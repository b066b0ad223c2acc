/** What a small JSON file gives, and what is said where it is not what was expected. */

import { equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile } from "../../lib/runtime/json_file.ts";
import { withFolder } from "./condition.ts";

const schema = z.object({ count: z.int() });

Deno.test("json file: what stands in it, nothing where there is none, and else a reason", () =>
  withFolder(async (folder) => {
    const path = join(folder, "count.json");
    const read = () => readJsonFile(path, schema, "a count");
    equal(await read(), undefined);
    await Deno.writeTextFile(path, '{"count":3}\n');
    equal((await read())?.count, 3);
    for (const spoilt of ["", "{", '{"count":"3"}']) {
      await Deno.writeTextFile(path, spoilt);
      await rejects(read(), /^Error: Expected a count: ./);
    }
    await Deno.remove(path);
    await Deno.mkdir(path);
    // A folder in its place is no reason to take it for absent.
    await rejects(read());
  }));
