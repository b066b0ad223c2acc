/** NVML through FFI, against a library of our own that answers as the driver's does. */

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import type { GpuReading } from "../../../lib/runtime/gpu/gpu.ts";
import { openNvml } from "../../../lib/runtime/gpu/nvml.ts";
import { withFolder } from "../condition.ts";
import { COMPILER, NEEDS_COMPILER, stubLibrary, withVariables } from "./stub_driver.ts";

/** Tests with the library and its variables. */
function test(
  what: string,
  variables: Readonly<Record<string, string>>,
  body: (library: string) => Promise<void>,
): void {
  Deno.test({
    name: `NVML: ${what}${NEEDS_COMPILER}`,
    ignore: COMPILER === undefined,
    fn: () =>
      withFolder(async (folder) => {
        const library = await stubLibrary(folder);
        await withVariables(variables, () => body(library));
      }),
  });
}

async function open(library: string, answerMsMax = 5_000) {
  const opening = await openNvml({ libraries: [library], answerMsMax });
  if (opening.state === "absent") throw new Error(opening.why);
  return opening.source;
}

async function list(library: string): Promise<GpuReading[]> {
  const source = await open(library);
  try {
    return await source.list();
  } finally {
    await source.close();
  }
}

test(
  "it tells all there is to know, and leaves out what a GPU does not tell",
  { COUNT: "2", USED_MB: "1200", PID: "11", OTHER_PID: "12" },
  async (library) => {
    const memory = { memoryTotalMb: 24_564, memoryUsedMb: 1_200, memoryFreeMb: 23_364 };
    const versions = { driverVersion: "550.54.15", cudaVersion: "12.4" };
    deepEqual(await list(library), [
      {
        state: "well",
        index: 0,
        uuid: "GPU-aaaa-0",
        model: "NVIDIA RTX A5000",
        utilizationPercent: 35,
        processes: [11, 12],
        ...memory,
        ...versions,
      },
      {
        state: "well",
        index: 1,
        uuid: "GPU-bbbb-1",
        model: "Tesla T4",
        utilizationPercent: undefined,
        processes: [],
        ...memory,
        ...versions,
      },
    ]);
  },
);

test("one GPU is asked again by its UUID, until it is gone", { COUNT: "2" }, async (library) => {
  const source = await open(library);
  const gpu = { index: 1, uuid: "GPU-bbbb-1" };
  const before = await source.read(gpu);
  equal(before.state === "well" && before.memoryUsedMb, 0);
  await withVariables({ USED_MB: "9000" }, async () => {
    const after = await source.read(gpu);
    equal(after.state === "well" && after.memoryUsedMb, 9_000);
  });
  await withVariables({ COUNT: "1" }, async () => {
    deepEqual(await source.read(gpu), { state: "failed", ...gpu, reason: "The GPU is gone" });
  });
  await source.close();
});

test(
  "a lost GPU and a closed one say so, and the others are told of",
  { COUNT: "3", LOST: "1", CLOSED: "2" },
  async (library) => {
    const told = (await list(library)).map((gpu) => gpu.state === "failed" ? gpu.reason : gpu.uuid);
    deepEqual(told, [
      "NVML cannot tell the index: GPU is lost (code 15)",
      "NVML cannot find a GPU: Insufficient Permissions (code 4)",
      "GPU-cccc-2",
    ]);
  },
);

test("without permission it does not begin", { INIT: "4" }, async (library) => {
  await rejects(open(library), /NVML cannot begin: Insufficient Permissions \(code 4\)/);
});

test("a driver that is not loaded means that there is no GPU", { INIT: "9" }, async (library) => {
  const opening = await openNvml({ libraries: [library] });
  deepEqual(opening, {
    state: "absent",
    why: "NVML cannot begin: Driver Not Loaded (code 9)",
  });
});

test(
  "a driver that hangs is given up in time, and not asked again while it does",
  { COUNT: "1", HANG_MS: "300" },
  async (library) => {
    const source = await open(library, 50);
    const hangs = /Expected NVML to tell the memory within 0\.05 s, got no answer/;
    await rejects(source.list(), hangs);
    await rejects(source.read({ index: 0, uuid: "GPU-aaaa-0" }), hangs);
    // The call comes back at last: then the source answers again and can be closed.
    Deno.env.delete("STUB_NVML_HANG_MS");
    const deadline = performance.now() + 10_000;
    for (let answered = false; !answered;) {
      if (performance.now() > deadline) throw new Error("Expected the driver to recover");
      try {
        answered = (await source.list()).length === 1;
      } catch (error) {
        if (!(error instanceof Error) || !hangs.test(error.message)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    await source.close();
  },
);

Deno.test("NVML: a library that is not there, or is none, is absent", () =>
  withFolder(async (folder) => {
    const file = join(folder, "text.so");
    await Deno.writeTextFile(file, "no library");
    for (const library of [join(folder, "none.so"), file]) {
      const opening = await openNvml({ libraries: [library] });
      match(opening.state === "absent" ? opening.why : "", /NVML cannot be loaded: .*\.so: /);
    }
    equal((await openNvml({ libraries: [] })).state, "absent");
  }));
