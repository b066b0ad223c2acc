/** The version of a trainer, by the folders that its installer left. */

import { equal } from "node:assert/strict";
import { dirname, join } from "node:path";
import { sleapNnVersion } from "../../lib/runtime/trainer_version.ts";
import { withFolder } from "./condition.ts";

const layouts: [string, string[], string | undefined][] = [
  ["a virtual environment", ["lib/python3.12/site-packages/sleap_nn-0.0.3.dist-info"], "0.0.3"],
  ["Windows", ["Lib/site-packages/sleap_nn-1.2.0rc1.dist-info"], "1.2.0rc1"],
  ["another package alone", ["lib/python3.12/site-packages/sleap-1.4.dist-info"], undefined],
  [
    "a name that is no version",
    ["lib/python3.12/site-packages/sleap_nn-\u001b[2J.dist-info"],
    undefined,
  ],
  ["nothing", [], undefined],
];
for (const [what, folders, version] of layouts) {
  Deno.test(`the version of sleap-nn is read from its environment: ${what}`, () =>
    withFolder(async (folder) => {
      const program = join(folder, "bin", "sleap-nn");
      await Deno.mkdir(dirname(program), { recursive: true });
      await Deno.writeTextFile(program, "");
      for (const name of folders) await Deno.mkdir(join(folder, name), { recursive: true });
      equal(await sleapNnVersion(program), version);
    }));
}

Deno.test({
  name: "a link to the program leads to its environment, as `uv tool` lays it out",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const tool = join(folder, "tools", "sleap-nn");
      await Deno.mkdir(join(tool, "bin"), { recursive: true });
      await Deno.mkdir(join(tool, "lib", "python3.13", "site-packages", "sleap_nn-2.0.dist-info"), {
        recursive: true,
      });
      await Deno.writeTextFile(join(tool, "bin", "sleap-nn"), "");
      await Deno.symlink(join(tool, "bin", "sleap-nn"), join(folder, "sleap-nn"));
      equal(await sleapNnVersion(join(folder, "sleap-nn")), "2.0");
    }),
});
