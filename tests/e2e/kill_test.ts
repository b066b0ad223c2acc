/** A short form of `deno task prove-jobs kills`: client, worker and admin, each killed once. */

import assert from "node:assert/strict";
import { Program } from "../../scripts/lab/program.ts";

const PROOF_MS = 300_000;
/** Of this seed all three are on the native backend, where it loads: werift takes its time. */
const SEED = "15";
/** For the programs of a room to end. */
const ENDED_MS = 60_000;

Deno.test("e2e: client, worker and admin are killed, and each job comes home whole", async () => {
  const args = ["run", "-A", "scripts/proof_jobs.ts", "kills", "--rounds", "3", "--seed", SEED];
  const program = new Program({ bin: Deno.execPath(), args, env: {}, cwd: Deno.cwd() });
  try {
    const { code } = await program.exited(PROOF_MS);
    assert.equal(code, 0, `${program.text.stdout}\n${program.text.stderr}`);
    const [{ ok, rounds, whole } = {}] = program.lines;
    assert.deepEqual({ ok, rounds, whole }, { ok: true, rounds: 3, whole: 3 });
  } finally {
    await program.end(ENDED_MS);
  }
});
