/**
 * A room in a network of its own that is cut in two and heals, and what is left of the laboratory
 * afterwards: nothing. Needs root, ip, python3 and the shared switch, and says so where one is missing.
 */

import assert from "node:assert/strict";
import { whyNoNetlab } from "../../scripts/lab/netlab.ts";
import { Program } from "../../scripts/lab/program.ts";
import { eventually } from "./condition.ts";

const PROOF_MS = 240_000;
const OPEN_MS = 30_000;
/** For the programs of a room to end, and the namespaces after them. */
const ENDED_MS = 90_000;

const why = await whyNoNetlab();

function proof(): Program {
  const args = ["run", "-A", "scripts/proof_mesh.ts", "split-1-2"];
  return new Program({ bin: Deno.execPath(), args, env: {}, cwd: Deno.cwd() });
}

/** The namespaces that `program` has made and not deleted. */
async function namespacesOf({ pid }: Program): Promise<readonly string[]> {
  const { stdout } = await new Deno.Command("ip", { args: ["netns", "list"] }).output();
  const names = new TextDecoder().decode(stdout).split("\n").map((line) =>
    line.split(" ")[0] ?? ""
  );
  return names.filter((name) => name.startsWith(`slp${pid.toString(36)}x`));
}

function netlabTest(name: string, fn: () => Promise<void>): void {
  const isMissing = why !== undefined;
  Deno.test({ name: isMissing ? `${name} (left out: ${why})` : name, ignore: isMissing, fn });
}

netlabTest(
  "netlab: of three that are cut in two, two go on, one is stale, and they heal",
  async () => {
    const program = proof();
    try {
      const { code } = await program.exited(PROOF_MS);
      assert.equal(code, 0, `${program.text.stdout}\n${program.text.stderr}`);
      assert.deepEqual(program.lines.map(({ proof, ok }) => [proof, ok]), [["split-1-2", true]]);
      assert.deepEqual(await namespacesOf(program), []);
    } finally {
      await program.end(ENDED_MS);
    }
  },
);

netlabTest("netlab: interrupted, a proof fails, and deletes what it made", async () => {
  const program = proof();
  try {
    await eventually(
      "four namespaces",
      async () => (await namespacesOf(program)).length === 4 ? true : undefined,
      OPEN_MS,
    );
    program.signal("SIGINT");
    assert.equal((await program.exited(ENDED_MS)).code, 1, program.text.stderr);
    assert.match(program.text.stdout, /"ok":false.*interrupted/);
    assert.deepEqual(await namespacesOf(program), []);
  } finally {
    await program.end(ENDED_MS);
  }
});
