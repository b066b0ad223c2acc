/** What `nvidia-smi` tells of GPUs, for machines whose NVML cannot be loaded. Reads text, sees no driver. */

import { SECOND_MS } from "../../base/time.ts";
import { ANSWER_MS_MAX, type Gpu, type GpuReading, type GpuSource } from "./gpu.ts";

/** The name comes last: the one field that may have a comma in it. */
const GPU_FIELDS =
  "index,uuid,driver_version,memory.total,memory.used,memory.free,utilization.gpu,name";
const PROCESS_FIELDS = "gpu_uuid,pid";
/** Exit code 6: no device was found (`nvidia-smi --help`, RETURN VALUE). */
const EXIT_NO_DEVICE = 6;
/** Characters that are read of an answer. Higher: a mad program makes us hold more; lower: large machines fail. */
const ANSWER_LENGTH_MAX = 256 * 1024;
/** Between SIGKILL and giving a process up: one that hangs within the driver cannot even be killed. */
const END_MS_MAX = SECOND_MS;

/** Asks `nvidia-smi`, which stands at that absolute path. */
export class NvidiaSmi implements GpuSource {
  readonly way = "nvidia-smi";
  readonly #path: string;
  readonly #answerMsMax: number;

  constructor(path: string, { answerMsMax = ANSWER_MS_MAX }: { answerMsMax?: number } = {}) {
    this.#path = path;
    this.#answerMsMax = answerMsMax;
  }

  async list(): Promise<GpuReading[]> {
    return await this.#look([]);
  }

  async read(gpu: Pick<Gpu, "index" | "uuid">): Promise<GpuReading> {
    const readings = await this.#look([`--id=${gpu.uuid}`]);
    return readings.find(({ uuid }) => uuid === gpu.uuid) ??
      { state: "failed", index: gpu.index, uuid: gpu.uuid, reason: "The GPU is gone" };
  }

  /** Nothing is held between two questions. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  async #look(which: readonly string[]): Promise<GpuReading[]> {
    const gpus = parseGpus(await this.#ask([...which, `--query-gpu=${GPU_FIELDS}`]));
    if (!gpus.some(({ state }) => state === "well")) return gpus;
    const answer = await this.#ask([...which, `--query-compute-apps=${PROCESS_FIELDS}`]);
    const processes = parseProcesses(answer);
    return gpus.map((gpu) =>
      gpu.state === "failed" || processes === undefined
        ? gpu
        : { ...gpu, processes: processes.get(gpu.uuid) ?? [] }
    );
  }

  async #ask(question: readonly string[]): Promise<string> {
    const child = this.#start([...question, "--format=csv,noheader,nounits"]);
    const reader = child.stdout.getReader();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const wanted = `Expected ${this.#path} to answer within ${this.#answerMsMax / SECOND_MS} s`;
      late.reject(new Error(`${wanted}, got no answer; the driver hangs, see \`dmesg\``));
    }, this.#answerMsMax);
    try {
      const [text, { code }] = await Promise.race([
        Promise.all([readText(reader), child.status]),
        late.promise,
      ]);
      if (code === 0) return text;
      if (code === EXIT_NO_DEVICE) return "";
      const said = text.trim().split("\n")[0] ?? "";
      throw new Error(
        `Expected ${this.#path} to describe GPUs, got exit code ${code}: ${said.slice(0, 200)}`,
      );
    } finally {
      clearTimeout(timer);
      await endProcess(child, reader);
    }
  }

  #start(args: string[]): Deno.ChildProcess {
    try {
      return new Deno.Command(this.#path, {
        args,
        stdin: "null",
        stdout: "piped",
        stderr: "null",
        // A group of its own: whatever it starts ends with it.
        detached: true,
      }).spawn();
    } catch (error) {
      throw new Error(`Expected to run ${this.#path}, got: ${messageOf(error)}`, { cause: error });
    }
  }
}

/**
 * Reads lines such as `0, GPU-8f2e…, 550.54.15, 24564, 1200, 23364, 35, NVIDIA RTX A5000`. What a GPU
 * does not tell is `[N/A]`; one that failed says so in place of its memory.
 *
 * @throws {Error} Where a line is none of these.
 */
export function parseGpus(text: string): GpuReading[] {
  return linesOf(text).map((line) => {
    const [index = "", uuid = "", driverVersion = "", ...more] = line.split(/\s*,\s*/);
    const [total, used, free, utilization, ...model] = more;
    if (!/^\d+$/.test(index) || model.length === 0) {
      throw new Error(
        `Expected a line of ${GPU_FIELDS} from nvidia-smi, got ${
          JSON.stringify(line.slice(0, 200))
        }; update the driver`,
      );
    }
    const memoryTotalMb = amount(total);
    const memoryUsedMb = amount(used);
    const memoryFreeMb = amount(free);
    if (
      !uuid.startsWith("GPU-") || memoryTotalMb === undefined || memoryUsedMb === undefined ||
      memoryFreeMb === undefined
    ) {
      const reason = `nvidia-smi says ${total} of its memory, and ${uuid} of its UUID`;
      const known = uuid.startsWith("GPU-") ? uuid : undefined;
      return { state: "failed", index: Number(index), uuid: known, reason };
    }
    return {
      state: "well",
      index: Number(index),
      uuid,
      model: model.join(", "),
      driverVersion,
      cudaVersion: undefined,
      memoryTotalMb,
      memoryUsedMb,
      memoryFreeMb,
      utilizationPercent: amount(utilization),
      processes: undefined,
    };
  });
}

/** Process ids by the UUID of their GPU; undefined where the driver does not list them. */
export function parseProcesses(text: string): Map<string, number[]> | undefined {
  const processes = new Map<string, number[]>();
  for (const line of linesOf(text)) {
    const [, uuid, pid] = /^(GPU-[\w-]+)\s*,\s*(\d+)$/.exec(line) ?? [];
    if (uuid === undefined) return undefined;
    processes.set(uuid, [...processes.get(uuid) ?? [], Number(pid)]);
  }
  return processes;
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
}

function amount(field: string | undefined): number | undefined {
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : undefined;
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function readText(reader: Reader): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += decoder.decode(piece.value, { stream: true });
    if (text.length > ANSWER_LENGTH_MAX) {
      throw new Error(
        `Expected at most ${ANSWER_LENGTH_MAX} characters from nvidia-smi, got more of them`,
      );
    }
  }
  return text + decoder.decode();
}

/** Ends what still runs of the process, without waiting for ever, and closes its output. */
async function endProcess(child: Deno.ChildProcess, reader: Reader): Promise<void> {
  killGroup(child.pid);
  await reader.cancel();
  const givenUp = Promise.withResolvers<void>();
  const timer = setTimeout(() => givenUp.resolve(), END_MS_MAX);
  await Promise.race([child.status, givenUp.promise]);
  clearTimeout(timer);
  // One that the driver holds is not waited for at the end of this process either.
  child.unref();
}

function killGroup(pid: number): void {
  try {
    Deno.kill(Deno.build.os === "windows" ? pid : -pid, "SIGKILL");
  } catch (error) {
    // It has ended, which macOS and Windows say in words of their own.
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.PermissionDenied) return;
    if (error instanceof TypeError) return;
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
