/** How much a GPU writes into the room state: only what is notable, and never without end. */

import { deepEqual, equal, ok } from "node:assert/strict";
import { DAY_MS, MINUTE_MS } from "../../../lib/base/time.ts";
import {
  GpuBulletin,
  type GpuNews,
  gpuProperties,
  newsOf,
} from "../../../lib/runtime/gpu/bulletin.ts";
import type { Gpu } from "../../../lib/runtime/gpu/gpu.ts";

const GPU: Gpu = {
  state: "well",
  index: 1,
  uuid: "GPU-bbbb-1",
  model: "NVIDIA RTX A5000",
  driverVersion: "550.54.15",
  cudaVersion: "12.4",
  memoryTotalMb: 20_000,
  memoryUsedMb: 1_000,
  memoryFreeMb: 19_000,
  utilizationPercent: 35,
  processes: [],
};
const IDLE: GpuNews = newsOf(GPU, false);

function used(memoryUsedMb: number): GpuNews {
  return { ...IDLE, memoryUsedMb, memoryFreeMb: 20_000 - memoryUsedMb };
}

Deno.test("only what is notable is told", () => {
  const rows: [what: string, news: GpuNews, wanted: boolean][] = [
    ["nothing new", IDLE, false],
    ["five per cent more", used(2_000), false],
    ["a little more than that", used(2_001), true],
    ["less", used(0), false],
    ["others begin", { ...IDLE, isUsedByOthers: true }, true],
    [
      "it is lost",
      newsOf({ state: "failed", index: 1, uuid: GPU.uuid, reason: "lost" }, false),
      true,
    ],
  ];
  for (const [what, news, wanted] of rows) {
    equal(new GpuBulletin(20_000, IDLE, 0).consider(news, 10_000), wanted, what);
  }
});

Deno.test("small steps add up, and what goes on is told once", () => {
  const bulletin = new GpuBulletin(20_000, IDLE, 0);
  const told = [1_600, 2_200, 2_800, 2_800, 3_300].filter((mb, at) =>
    bulletin.consider(used(mb), at)
  );
  deepEqual(told, [2_200, 3_300]);
  equal(bulletin.consider({ ...used(3_300), isUsedByOthers: true }, 6), true);
  equal(bulletin.consider({ ...used(3_300), isUsedByOthers: true }, 7), false);
  equal(bulletin.consider(used(3_300), 8), true);
});

Deno.test("a GPU that never rests writes at most 84 words a day, and its last state is told", () => {
  const bulletin = new GpuBulletin(20_000, IDLE, 0);
  let words = 0;
  let told = IDLE;
  let now = 0;
  for (let look = 1; now < DAY_MS; look++) {
    now = look * 10_000;
    const news = used(look % 2 === 0 ? 1_000 : 15_000);
    if (!bulletin.consider(news, now)) continue;
    words++;
    told = news;
  }
  ok(words > 60 && words <= 84, `${words}`);
  const last = { ...used(told.memoryUsedMb > 9_000 ? 0 : 19_000), isUsedByOthers: true };
  equal(bulletin.consider(last, now + 21 * MINUTE_MS), true);
});

Deno.test("an entry says what people filter by", () => {
  deepEqual(gpuProperties(GPU, { ...IDLE, isUsedByOthers: true }), {
    gpu_index: 1,
    gpu_uuid: "GPU-bbbb-1",
    driver_version: "550.54.15",
    cuda_version: "12.4",
    gpu_memory_used_mb: 1_000,
    gpu_memory_free_mb: 19_000,
    gpu_in_use_by_others: true,
  });
  const lost = newsOf({ state: "failed", index: 1, uuid: GPU.uuid, reason: "x".repeat(999) }, true);
  const properties = gpuProperties({ ...GPU, cudaVersion: undefined }, lost);
  deepEqual(
    [properties["gpu_fault"], properties["gpu_memory_free_mb"], "cuda_version" in properties],
    ["x".repeat(200), 0, false],
  );
});
