/** By which way GPUs are found: the library, the program, or neither. */

import { deepEqual, equal, match } from "node:assert/strict";
import { join } from "node:path";
import { type Inventory, takeInventory } from "../../../lib/runtime/gpu/inventory.ts";
import { withFolder } from "../condition.ts";
import {
  COMPILER,
  NEEDS_COMPILER,
  smiAnswers,
  stubLibrary,
  stubSmi,
  withVariables,
} from "./stub_driver.ts";

const T4 = "0, GPU-smi, 470.1, 15360, 0, 15360, 0, Tesla T4";

/** An environment whose only PATH is `folder`. */
function environment(folder: string, more: Readonly<Record<string, string>> = {}) {
  const all: Readonly<Record<string, string>> = { PATH: folder, ...more };
  return { env: (name: string) => all[name], smiFolders: [] };
}

/** What was found, in short; and its source closed. */
async function facts(inventory: Inventory) {
  if (inventory.state !== "found") return { why: inventory.why.join("; ") };
  await inventory.source.close();
  const { source, gpus, visible, by, why } = inventory;
  return {
    way: source.way,
    gpus: gpus.map(({ index }) => index),
    visible: visible.map(({ index }) => index),
    by,
    why: why.join("; "),
  };
}

function test(what: string, body: (folder: string) => Promise<void>): void {
  const ignore = Deno.build.os === "windows";
  Deno.test({ name: `GPUs: ${what}`, ignore, fn: () => withFolder(body) });
}

function testWithLibrary(what: string, body: (folder: string, library: string) => Promise<void>) {
  Deno.test({
    name: `GPUs: ${what}${NEEDS_COMPILER}`,
    ignore: COMPILER === undefined,
    fn: () => withFolder(async (folder) => await body(folder, await stubLibrary(folder))),
  });
}

test("a machine without a driver says what it lacks", async (folder) => {
  const libraries = [join(folder, "none.so")];
  const found = await facts(await takeInventory({ libraries, ...environment(folder) }));
  match(found.why, /^NVML cannot be loaded: .*none\.so: .*; There is no program nvidia-smi$/);
});

test("without the library the program is asked", async (folder) => {
  await stubSmi(folder, smiAnswers([T4]));
  const options = { libraries: [], ...environment(folder) };
  const found = await facts(await takeInventory(options));
  deepEqual(found, {
    way: "nvidia-smi",
    gpus: [0],
    visible: [0],
    by: undefined,
    why: `NVML is not made for ${Deno.build.os}`,
  });
  const hidden = environment(folder, { CUDA_VISIBLE_DEVICES: "" });
  deepEqual(await facts(await takeInventory({ libraries: [], ...hidden })), {
    ...found,
    visible: [],
    by: "CUDA_VISIBLE_DEVICES=",
  });
});

test("a program that shows no GPU means that there is none", async (folder) => {
  await stubSmi(folder, "echo 'No devices were found'; exit 6");
  const inventory = await takeInventory({ libraries: [], ...environment(folder) });
  equal(inventory.state, "none");
  match((await facts(inventory)).why, /nvidia-smi shows no GPU/);
});

test("a driver of which nothing answers is not taken for no driver", async (folder) => {
  const options = { libraries: [], ...environment(folder), answerMsMax: 200 };
  const cases: [string, RegExp][] = [
    ["echo 'NVIDIA-SMI has failed'", /Expected a line of index,uuid/],
    ["sleep 600", /within 0\.2 s, got no answer/],
  ];
  for (const [script, why] of cases) {
    await stubSmi(folder, script);
    const inventory = await takeInventory(options);
    equal(inventory.state, "failed");
    match(inventory.why.join("; "), why);
  }
});

testWithLibrary("the library goes before the program", async (folder, library) => {
  await stubSmi(folder, smiAnswers([T4]));
  await withVariables({ COUNT: "3" }, async () => {
    const options = environment(folder, { CUDA_VISIBLE_DEVICES: "GPU-cccc,0" });
    deepEqual(await facts(await takeInventory({ libraries: [library], ...options })), {
      way: "NVML",
      gpus: [0, 1, 2],
      visible: [2, 0],
      by: "CUDA_VISIBLE_DEVICES=GPU-cccc,0",
      why: "",
    });
  });
});

testWithLibrary("a library that fails leaves it to the program", async (folder, library) => {
  await stubSmi(folder, smiAnswers([T4]));
  const options = { libraries: [library], ...environment(folder), answerMsMax: 250 };
  await withVariables({ COUNT: "1", INIT: "4" }, async () => {
    const { way, why } = { way: "", ...await facts(await takeInventory(options)) };
    equal(way, "nvidia-smi");
    match(why, /NVML cannot begin: Insufficient Permissions/);
  });
});

testWithLibrary("both failing are both told", async (folder, library) => {
  await stubSmi(folder, "echo broken; exit 12");
  await withVariables({ COUNT: "1", INIT: "18" }, async () => {
    const options = { libraries: [library], ...environment(folder) };
    const { state, why } = await takeInventory(options);
    equal(state, "failed");
    match(why.join("; "), /NVML cannot begin: .*code 18.*exit code 12: broken/);
  });
});
