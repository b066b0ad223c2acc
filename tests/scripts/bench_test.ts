/** The frame of the benches, on a bench that only counts. */

import { deepEqual, match, rejects } from "node:assert/strict";
import { runBench } from "../../scripts/bench.ts";
import type { Bench } from "../../scripts/bench/bench.ts";
import { bench as idle } from "../../scripts/bench/idle.ts";
import { bench as mesh } from "../../scripts/bench/mesh.ts";
import { bench as propagation } from "../../scripts/bench/propagation.ts";
import { bench as reelection } from "../../scripts/bench/reelection.ts";
import { bench as registry } from "../../scripts/bench/registry.ts";

const counting: Bench = {
  summary: "Counts",
  rounds: 2,
  options: { by: { value: "N", summary: "Counts by N (otherwise by 1)" } },
  async *run({ rounds, options }) {
    const by = Number(options.get("by") ?? "1");
    for (let round = 1; round <= rounds; round++) yield { round };
    yield await Promise.resolve({ rounds, count: rounds * by, exact: true });
  },
};

async function run(...args: string[]): Promise<string[]> {
  const lines: string[] = [];
  await runBench(args, new Map([["counting", counting]]), (line) => {
    lines.push(line);
    return Promise.resolve();
  });
  return lines;
}

Deno.test("a bench writes each measurement, the summary last", async () => {
  deepEqual(await run("counting"), ["round 1", "round 2", "rounds 2  count 2  exact true"]);
  deepEqual(await run("counting", "--rounds", "1", "--by=3"), [
    "round 1",
    "rounds 1  count 3  exact true",
  ]);
  deepEqual((await run("counting", "--json")).map((line): unknown => JSON.parse(line)), [
    { round: 1 },
    { round: 2 },
    { rounds: 2, count: 2, exact: true },
  ]);
});

Deno.test("without a name the benches and their options are listed", async () => {
  const help = (await run()).join("\n");
  match(help, /counting +Counts \(2 rounds\)\n +--by N +Counts by N/);
  deepEqual(await run("--help"), await run());
});

Deno.test("what is not known is refused", async () => {
  await rejects(run("sleeping"), /Expected one of counting, got sleeping/);
  await rejects(run("counting", "--speed=2"), /--speed/);
  for (const rounds of ["0", "-1", "1.5", "many"]) {
    await rejects(
      run("counting", `--rounds=${rounds}`),
      /Expected --rounds from 1 to 1000000, got/,
    );
  }
});

Deno.test("the mesh benches take the same options", () => {
  for (const bench of [idle, mesh, propagation, reelection, registry]) {
    const names = Object.keys(bench.options);
    deepEqual(["workers", "rtc"].filter((name) => !names.includes(name)), [], bench.summary);
  }
});
