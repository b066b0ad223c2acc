/** The test command as a whole: its last line and its exit code. */

import { deepEqual } from "node:assert/strict";
import { join } from "node:path";

const SCRIPT = join(import.meta.dirname ?? ".", "../../scripts/test.ts");

/** Tests a file with `source`; returns the last line and the exit code. */
async function runOn(source: string, ...args: string[]): Promise<[string | undefined, number]> {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "sample_test.ts");
    await Deno.writeTextFile(file, source);
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", SCRIPT, ...args, file],
      stderr: "null",
    }).output();
    return [new TextDecoder().decode(stdout).trimEnd().split("\n").at(-1), code];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const MIXED = `
  Deno.test("one", () => {});
  Deno.test("two", async (t) => void await t.step("a step", () => {}));
  Deno.test({ name: "later", ignore: true, fn() {} });
`;

Deno.test("the test command closes with the counts and fails where nothing is proved", async () => {
  const table: readonly [string, readonly string[], [string, number]][] = [
    [MIXED, [], ["2 passed, 0 failed, 1 skipped", 0]],
    [MIXED, ["--filter", "one"], ["1 passed, 0 failed", 0]],
    [MIXED, ["--filter", "none such"], ["0 passed, 0 failed", 1]],
    [MIXED + 'Deno.test("bad", () => { throw new Error(); });', [], [
      "2 passed, 1 failed, 1 skipped",
      1,
    ]],
    [MIXED + 'throw new Error("outside");', [], ["0 passed, 1 failed", 1]],
    ["const a: string = 1; Deno.test('a', () => void a);", [], ["0 passed, 1 failed", 1]],
  ];
  for (const [source, args, wanted] of table) deepEqual(await runOn(source, ...args), wanted);
});
