/**
 * What the driver's own library, NVML, tells of GPUs: in which order it is asked, and how its
 * structures and codes are read (NVML API Reference, `nvml.h`). Knows nothing of who may use a GPU.
 */

import { ANSWER_MS_MAX, type Gpu, type GpuReading, type GpuSource } from "./gpu.ts";
import { loadNvml, NvmlError, type NvmlLibrary } from "./nvml_library.ts";

/** `nvmlReturn_t`, as far as it matters which one it is. */
const NOT_SUPPORTED = 3;
const NOT_FOUND = 6;
const DRIVER_NOT_LOADED = 9;
/** Room for a name, a version or a UUID (`NVML_DEVICE_UUID_V2_BUFFER_SIZE`). */
const TEXT_BYTES = 96;
const MEBIBYTE = 1024n * 1024n;
/** GPUs in one machine. Higher: a senseless count is believed; lower: large machines are cut short. */
const GPUS_MAX = 64;
/** Processes on one GPU. Higher: more memory a look; lower: a crowded GPU cannot be judged. */
const PROCESSES_MAX = 1_024;
/** `nvmlProcessInfo_v2_t`: pid (u32), padding, memory (u64), two instance ids (u32). */
const PROCESS_BYTES = 24;

const LIBRARIES: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  linux: ["libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"],
  windows: ["nvml.dll", "C:\\Program Files\\NVIDIA Corporation\\NVSMI\\nvml.dll"],
};

/** NVML, or why this machine has none. */
export type NvmlOpening =
  | { readonly state: "open"; readonly source: GpuSource }
  /** The library is not there, or there is no driver behind it. */
  | { readonly state: "absent"; readonly why: string };

/**
 * Loads NVML and begins a session with it.
 *
 * @param options.libraries Names or paths, tried in this order; the system's where left out.
 * @throws {Error} Where it is there and does not begin, or not in time.
 */
export async function openNvml(
  options: { readonly libraries?: readonly string[]; readonly answerMsMax?: number } = {},
): Promise<NvmlOpening> {
  const { libraries = LIBRARIES[Deno.build.os] ?? [], answerMsMax = ANSWER_MS_MAX } = options;
  let why: string | undefined;
  for (const name of libraries) {
    const { library, why: reason } = loadNvml(name, answerMsMax);
    if (library === undefined) {
      why ??= reason;
      continue;
    }
    try {
      await library.ask("begin", [], library.symbols.nvmlInit_v2());
      return { state: "open", source: new Nvml(library) };
    } catch (error) {
      library.unload();
      if (!(error instanceof NvmlError) || error.code !== DRIVER_NOT_LOADED) throw error;
      return { state: "absent", why: error.message };
    }
  }
  return { state: "absent", why: why ?? `NVML is not made for ${Deno.build.os}` };
}

/** A session with NVML. One question at a time. */
class Nvml implements GpuSource {
  readonly way = "NVML";
  readonly #library: NvmlLibrary;

  constructor(library: NvmlLibrary) {
    this.#library = library;
  }

  async list(): Promise<GpuReading[]> {
    this.#library.refuseWhileHanging();
    const { nvmlDeviceGetCount_v2, nvmlDeviceGetHandleByIndex_v2 } = this.#library.symbols;
    const counted = new Uint32Array(1);
    await this.#library.ask("count GPUs", [counted], nvmlDeviceGetCount_v2(counted));
    const count = Math.min(counted[0] ?? 0, GPUS_MAX);
    const readings: GpuReading[] = [];
    for (let index = 0; index < count; index++) {
      readings.push(
        await this.#reading({ index, uuid: undefined }, async () => {
          const handle = new BigUint64Array(1);
          await this.#library.ask(
            "find a GPU",
            [handle],
            nvmlDeviceGetHandleByIndex_v2(index, handle),
          );
          return handle[0] ?? 0n;
        }),
      );
    }
    return readings;
  }

  async read(gpu: Pick<Gpu, "index" | "uuid">): Promise<GpuReading> {
    this.#library.refuseWhileHanging();
    const name = new TextEncoder().encode(`${gpu.uuid}\0`);
    return await this.#reading(gpu, async () => {
      const handle = new BigUint64Array(1);
      const call = this.#library.symbols.nvmlDeviceGetHandleByUUID(name, handle);
      await this.#library.ask("find the GPU", [name, handle], call);
      return handle[0] ?? 0n;
    });
  }

  async close(): Promise<void> {
    try {
      if (this.#library.isIdle) {
        await this.#library.ask("end", [], this.#library.symbols.nvmlShutdown());
      }
    } finally {
      this.#library.unload();
    }
  }

  /** What NVML refuses to tell of one GPU says nothing of the others. */
  async #reading(
    gpu: { readonly index: number; readonly uuid: string | undefined },
    find: () => Promise<bigint>,
  ): Promise<GpuReading> {
    try {
      return await this.#describe(await find());
    } catch (error) {
      if (!(error instanceof NvmlError)) throw error;
      const reason = error.code === NOT_FOUND ? "The GPU is gone" : error.message;
      return { state: "failed", ...gpu, reason };
    }
  }

  async #describe(gpu: bigint): Promise<Gpu> {
    const { symbols } = this.#library;
    const index = new Uint32Array(1);
    await this.#library.ask("tell the index", [index], symbols.nvmlDeviceGetIndex(gpu, index));
    const memory = new BigUint64Array(3);
    await this.#library.ask(
      "tell the memory",
      [memory],
      symbols.nvmlDeviceGetMemoryInfo(gpu, memory),
    );
    const [total = 0n, free = 0n, used = 0n] = memory;
    return {
      state: "well",
      index: index[0] ?? 0,
      uuid: await this.#text(
        "tell the UUID",
        (text) => symbols.nvmlDeviceGetUUID(gpu, text, TEXT_BYTES),
      ),
      model: await this.#text(
        "tell the name",
        (text) => symbols.nvmlDeviceGetName(gpu, text, TEXT_BYTES),
      ),
      driverVersion: await this.#text(
        "tell the driver's version",
        (text) => symbols.nvmlSystemGetDriverVersion(text, TEXT_BYTES),
      ),
      cudaVersion: await this.#cudaVersion(),
      memoryTotalMb: Number(total / MEBIBYTE),
      memoryUsedMb: Number(used / MEBIBYTE),
      memoryFreeMb: Number(free / MEBIBYTE),
      utilizationPercent: await this.#utilization(gpu),
      processes: await this.#processes(gpu),
    };
  }

  /** 12040 stands for 12.4. NVML asks libcuda for it, which a machine that only watches need not have. */
  async #cudaVersion(): Promise<string | undefined> {
    const call = this.#library.symbols.nvmlSystemGetCudaDriverVersion_v2;
    if (call === null) return undefined;
    const told = new Int32Array(1);
    try {
      await this.#library.ask("tell CUDA's version", [told], call(told));
    } catch (error) {
      if (error instanceof NvmlError) return undefined;
      throw error;
    }
    const version = told[0] ?? 0;
    return `${Math.floor(version / 1_000)}.${Math.floor((version % 1_000) / 10)}`;
  }

  async #utilization(gpu: bigint): Promise<number | undefined> {
    const rates = new Uint32Array(2);
    const call = this.#library.symbols.nvmlDeviceGetUtilizationRates(gpu, rates);
    const told = await this.#isSupported("tell the utilisation", [rates], call);
    return told ? rates[0] : undefined;
  }

  async #processes(gpu: bigint): Promise<number[] | undefined> {
    const { nvmlDeviceGetComputeRunningProcesses_v3, nvmlDeviceGetComputeRunningProcesses_v2 } =
      this.#library.symbols;
    const call = nvmlDeviceGetComputeRunningProcesses_v3 ??
      nvmlDeviceGetComputeRunningProcesses_v2;
    if (call === null) return undefined;
    const count = Uint32Array.of(PROCESSES_MAX);
    const infos = new Uint8Array(PROCESSES_MAX * PROCESS_BYTES);
    const told = await this.#isSupported(
      "list processes",
      [count, infos],
      call(gpu, count, infos),
    );
    if (!told) return undefined;
    const view = new DataView(infos.buffer);
    return Array.from(
      { length: Math.min(count[0] ?? 0, PROCESSES_MAX) },
      (_, position) => view.getUint32(position * PROCESS_BYTES, true),
    );
  }

  async #text(what: string, call: (text: Uint8Array<ArrayBuffer>) => Promise<number>) {
    const text = new Uint8Array(TEXT_BYTES);
    await this.#library.ask(what, [text], call(text));
    const end = text.indexOf(0);
    return new TextDecoder().decode(end < 0 ? text : text.subarray(0, end));
  }

  /** Waits for a question that not every GPU can answer. Gives whether this one did. */
  async #isSupported(
    what: string,
    memory: readonly unknown[],
    call: Promise<number>,
  ): Promise<boolean> {
    try {
      await this.#library.ask(what, memory, call);
      return true;
    } catch (error) {
      if (error instanceof NvmlError && error.code === NOT_SUPPORTED) return false;
      throw error;
    }
  }
}
