/** `nvidia-smi` as a script of ours: what it says, what it says wrongly, and when it says nothing. */

import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { NvidiaSmi, parseGpus, parseProcesses } from "../../../lib/runtime/gpu/nvidia_smi.ts";
import { until, withFolder } from "../condition.ts";
import { smiAnswers, stubSmi } from "./stub_driver.ts";

const A5000 = "0, GPU-aaaa-0, 550.54.15, 24564, 1200, 23364, 35, NVIDIA RTX A5000";

function test(what: string, body: (folder: string) => Promise<void>): void {
  const ignore = Deno.build.os === "windows";
  Deno.test({ name: `nvidia-smi: ${what}`, ignore, fn: () => withFolder(body) });
}

Deno.test("nvidia-smi: lines become facts", () => {
  deepEqual(parseGpus(`${A5000}\n`), [{
    state: "well",
    index: 0,
    uuid: "GPU-aaaa-0",
    model: "NVIDIA RTX A5000",
    driverVersion: "550.54.15",
    cudaVersion: undefined,
    memoryTotalMb: 24_564,
    memoryUsedMb: 1_200,
    memoryFreeMb: 23_364,
    utilizationPercent: 35,
    processes: undefined,
  }]);
  const [odd] = parseGpus("1,GPU-b,1.0,10,0,10,[N/A],Card, with a comma");
  deepEqual(odd?.state === "well" && [odd.model, odd.utilizationPercent], [
    "Card, with a comma",
    undefined,
  ]);
  deepEqual(parseGpus(" \n"), []);
});

Deno.test("nvidia-smi: a GPU that failed says so", () => {
  const cases: [string, string | undefined, RegExp][] = [
    ["2, GPU-c, 550, [GPU is lost], 0, 0, 0, T4", "GPU-c", /GPU is lost/],
    ["2, [Unknown Error], 550, 100, 0, 100, 0, T4", undefined, /\[Unknown Error\] of its UUID/],
    ["2, GPU-c, 550, 100, -3, 100, 0, T4", "GPU-c", /says 100 of its memory/],
    ["2, GPU-c, 550, [N/A], [N/A], [N/A], [N/A], GB10", "GPU-c", /\[N\/A\] of its memory/],
  ];
  for (const [line, uuid, reason] of cases) {
    const [gpu] = parseGpus(line);
    if (gpu?.state !== "failed") throw new Error(`Expected a failed GPU of ${line}`);
    deepEqual([gpu.index, gpu.uuid], [2, uuid]);
    match(gpu.reason, reason);
  }
});

Deno.test("nvidia-smi: malformed output is refused", () => {
  for (
    const text of [
      "NVIDIA-SMI has failed",
      "0, GPU-a, 550, 100",
      "x, GPU-a, 550, 100, 0, 100, 0, T4",
      "\u0000\u0001",
      `${A5000}\n<html>`,
    ]
  ) throws(() => parseGpus(text), /Expected a line of index,uuid,.* from nvidia-smi, got "/, text);
});

Deno.test("nvidia-smi: processes belong to their GPU, or cannot be told", () => {
  deepEqual(
    parseProcesses("GPU-a, 11\nGPU-b, 12\nGPU-a, 13\n"),
    new Map([["GPU-a", [11, 13]], ["GPU-b", [12]]]),
  );
  deepEqual(parseProcesses(""), new Map());
  for (const text of ["GPU-a, [N/A]", "[Not Supported]", "11"]) {
    equal(parseProcesses(text), undefined, text);
  }
});

test("it is asked for GPUs and processes, and for one GPU by its UUID", async (folder) => {
  const asked = join(folder, "asked");
  const path = await stubSmi(
    folder,
    `echo "$*" >> ${asked}\n${smiAnswers([A5000], ["GPU-aaaa-0, 77"])}`,
  );
  const smi = new NvidiaSmi(path);
  const [gpu] = await smi.list();
  deepEqual(gpu?.state === "well" && gpu.processes, [77]);
  deepEqual(await smi.read({ index: 0, uuid: "GPU-aaaa-0" }), gpu);
  deepEqual(await smi.read({ index: 3, uuid: "GPU-gone" }), {
    state: "failed",
    index: 3,
    uuid: "GPU-gone",
    reason: "The GPU is gone",
  });
  const questions = (await Deno.readTextFile(asked)).trim().split("\n");
  ok(questions.every((question) => question.endsWith("--format=csv,noheader,nounits")));
  ok(questions.includes(
    "--id=GPU-aaaa-0 --query-compute-apps=gpu_uuid,pid --format=csv,noheader,nounits",
  ));
});

test("a failure is told with its exit code and first line", async (folder) => {
  const path = await stubSmi(folder, 'echo "couldn\'t communicate with the driver"; exit 9');
  await rejects(new NvidiaSmi(path).list(), /got exit code 9: couldn't communicate with the/);
  await stubSmi(folder, "echo 'No devices were found'; exit 6");
  deepEqual(await new NvidiaSmi(path).list(), []);
  await stubSmi(folder, "yes | head -c 2000000");
  await rejects(new NvidiaSmi(path).list(), /Expected at most 262144 characters/);
  const missing = new NvidiaSmi(join(folder, "none"));
  await rejects(missing.list(), /Expected to run .*none, got: /);
});

test("one that hangs is ended in time, with what it started", async (folder) => {
  const pidFile = join(folder, "pid");
  // The child ignores SIGTERM and holds the output open.
  const path = await stubSmi(folder, `(trap '' TERM; echo $$ > ${pidFile}; sleep 600) & wait`);
  const start = performance.now();
  await rejects(
    new NvidiaSmi(path, { answerMsMax: 300 }).list(),
    /to answer within 0\.3 s, got no answer/,
  );
  ok(performance.now() - start < 5_000);
  const pid = Number(await Deno.readTextFile(pidFile));
  await until("the whole group to end", () => !isAlive(pid));
});

test("its deadline is five seconds", async (folder) => {
  const path = await stubSmi(folder, "sleep 600");
  const start = performance.now();
  await rejects(new NvidiaSmi(path).list(), /within 5 s/);
  ok(performance.now() - start >= 4_990);
});

function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    // It ended while it was being read: ESRCH.
    if (error instanceof Error && /os error 3\b/.test(error.message)) return false;
    throw error;
  }
}
