/** A watch over a GPU that a test holds in its hands: what it tells, logs and leaves behind. */

import { deepEqual, equal } from "node:assert/strict";
import type { LogLevel } from "../../../lib/base/log.ts";
import type { GpuNews } from "../../../lib/runtime/gpu/bulletin.ts";
import type { Gpu, GpuReading, GpuSource } from "../../../lib/runtime/gpu/gpu.ts";
import { GpuWatch } from "../../../lib/runtime/gpu/gpu_watch.ts";
import { systemClock } from "../../../lib/runtime/clock.ts";
import { until } from "../condition.ts";

const GPU: Gpu = {
  state: "well",
  index: 0,
  uuid: "GPU-aaaa-0",
  model: "NVIDIA RTX A5000",
  driverVersion: "550.54.15",
  cudaVersion: "12.4",
  memoryTotalMb: 20_000,
  memoryUsedMb: 500,
  memoryFreeMb: 19_500,
  utilizationPercent: 0,
  processes: [],
};

/** A driver that says what it is told to, and counts how often it was asked. */
class Driver implements GpuSource {
  readonly way = "NVML";
  answer: () => Promise<GpuReading> = () => Promise.resolve(GPU);
  looks = 0;

  list(): Promise<GpuReading[]> {
    return Promise.resolve([GPU]);
  }

  read(): Promise<GpuReading> {
    this.looks++;
    return this.answer();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Resolves when a whole look at what it now says is over. */
  async says(answer: () => Promise<GpuReading>): Promise<void> {
    this.answer = answer;
    const enough = this.looks + 2;
    await until("two looks", () => this.looks >= enough);
  }
}

async function watched(
  body: (driver: Driver, told: GpuNews[], notices: [LogLevel, string][]) => Promise<void>,
): Promise<void> {
  const driver = new Driver();
  const told: GpuNews[] = [];
  const notices: [LogLevel, string][] = [];
  const watch = await GpuWatch.begin({ source: driver, gpu: GPU }, {
    clock: systemClock,
    log: { write: (level, message) => void notices.push([level, message]) },
    own: () => [Deno.pid],
    isBusy: () => false,
    tell: (news) => void told.push(news),
    lookMs: 2,
    genealogy: () => Promise.resolve(undefined),
  });
  try {
    await body(driver, told, notices);
  } finally {
    await watch[Symbol.asyncDispose]();
  }
  const { looks } = driver;
  await new Promise((resolve) => setTimeout(resolve, 10));
  equal(driver.looks, looks, "Nobody looks after the end");
}

Deno.test("GPU watch: memory and others are told once, when they change", () =>
  watched(async (driver, told, notices) => {
    await driver.says(() => Promise.resolve(GPU));
    deepEqual(told, []);
    const busy = { ...GPU, memoryUsedMb: 9_000, memoryFreeMb: 11_000 };
    await driver.says(() => Promise.resolve(busy));
    await driver.says(() => Promise.resolve({ ...busy, processes: [4_000_000] }));
    deepEqual(told, [
      { memoryUsedMb: 9_000, memoryFreeMb: 11_000, isUsedByOthers: false, fault: null },
      { memoryUsedMb: 9_000, memoryFreeMb: 11_000, isUsedByOthers: true, fault: null },
    ]);
    deepEqual(notices, []);
  }));

Deno.test("GPU watch: a GPU that is lost and found is told and logged once each", () =>
  watched(async (driver, told, notices) => {
    const { index, uuid } = GPU;
    await driver.says(() =>
      Promise.resolve({ state: "failed", index, uuid, reason: "GPU is lost" })
    );
    await driver.says(() => Promise.resolve(GPU));
    await driver.says(() => Promise.reject(new Error("Expected an answer, got none")));
    deepEqual(told.map(({ fault }) => fault), [
      "GPU is lost",
      null,
      "Expected an answer, got none",
    ]);
    deepEqual(notices, [
      ["error", "The GPU cannot be read: GPU is lost"],
      ["info", "The GPU can be read again"],
      ["error", "The GPU cannot be read: Expected an answer, got none"],
    ]);
  }));

Deno.test("GPU watch: its end waits for the look that is under way", async () => {
  const driver = new Driver();
  const answer = Promise.withResolvers<GpuReading>();
  driver.answer = () => answer.promise;
  const told: GpuNews[] = [];
  const watch = await GpuWatch.begin({ source: driver, gpu: GPU }, {
    clock: systemClock,
    log: { write: () => {} },
    own: () => [Deno.pid],
    isBusy: () => false,
    tell: (news) => void told.push(news),
    lookMs: 1,
  });
  await until("a look", () => driver.looks === 1);
  let isOver = false;
  const stopped = watch[Symbol.asyncDispose]().then(() => void (isOver = true));
  await Promise.resolve();
  equal(isOver, false);
  answer.resolve({ ...GPU, memoryUsedMb: 20_000 });
  await stopped;
  deepEqual([driver.looks, told], [1, []]);
});
