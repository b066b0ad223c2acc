/**
 * The library NVML as it is called through FFI, the one file that loads it: its symbols, deadlines for
 * its answers, and when it can be freed. Knows nothing of what the answers mean.
 */

import { SECOND_MS } from "../../base/time.ts";

// Without `nonblocking`, a driver that hangs would stop the worker's heartbeats with it.
const ASKED = { result: "i32", nonblocking: true } as const;

const SYMBOLS = {
  nvmlInit_v2: { ...ASKED, parameters: [] },
  nvmlShutdown: { ...ASKED, parameters: [] },
  nvmlErrorString: { result: "pointer", parameters: ["i32"] },
  nvmlSystemGetDriverVersion: { ...ASKED, parameters: ["buffer", "u32"] },
  nvmlSystemGetCudaDriverVersion_v2: { ...ASKED, parameters: ["buffer"], optional: true },
  nvmlDeviceGetCount_v2: { ...ASKED, parameters: ["buffer"] },
  nvmlDeviceGetHandleByIndex_v2: { ...ASKED, parameters: ["u32", "buffer"] },
  nvmlDeviceGetHandleByUUID: { ...ASKED, parameters: ["buffer", "buffer"] },
  nvmlDeviceGetIndex: { ...ASKED, parameters: ["u64", "buffer"] },
  nvmlDeviceGetUUID: { ...ASKED, parameters: ["u64", "buffer", "u32"] },
  nvmlDeviceGetName: { ...ASKED, parameters: ["u64", "buffer", "u32"] },
  nvmlDeviceGetMemoryInfo: { ...ASKED, parameters: ["u64", "buffer"] },
  nvmlDeviceGetUtilizationRates: { ...ASKED, parameters: ["u64", "buffer"] },
  // Since driver 510. The structure that v2 (driver 460) fills is the same.
  nvmlDeviceGetComputeRunningProcesses_v3: {
    ...ASKED,
    parameters: ["u64", "buffer", "buffer"],
    optional: true,
  },
  nvmlDeviceGetComputeRunningProcesses_v2: {
    ...ASKED,
    parameters: ["u64", "buffer", "buffer"],
    optional: true,
  },
} as const;

/** What NVML answered instead of what was asked for. */
export class NvmlError extends Error {
  override readonly name = "NvmlError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Loads the library of that name or path, or says why it cannot be.
 *
 * @param answerMsMax How long it may take for one answer.
 */
export function loadNvml(
  name: string,
  answerMsMax: number,
): { readonly library?: NvmlLibrary; readonly why: string } {
  try {
    return { library: new NvmlLibrary(Deno.dlopen(name, SYMBOLS), answerMsMax), why: "" };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    // Deno says twice that it could not, before it says why.
    const cause = reason.split("Could not open library: ").at(-1)?.split("\n")[0] ?? "";
    return { why: `NVML cannot be loaded: ${cause.includes(name) ? cause : `${name}: ${cause}`}` };
  }
}

type Loaded = Deno.DynamicLibrary<typeof SYMBOLS>;

/** The loaded library. It takes one question at a time. */
export class NvmlLibrary {
  readonly #loaded: Loaded;
  readonly #answerMsMax: number;
  /** Calls that have not returned, with the memory that they may still write to. */
  readonly #inFlight = new Set<readonly unknown[]>();
  /** The question that has not been answered, while it has not. */
  #hang: Error | undefined;

  constructor(loaded: Loaded, answerMsMax: number) {
    this.#loaded = loaded;
    this.#answerMsMax = answerMsMax;
  }

  get symbols(): Loaded["symbols"] {
    return this.#loaded.symbols;
  }

  /** Whether every call has returned. */
  get isIdle(): boolean {
    return this.#inFlight.size === 0;
  }

  /** Another question would hang behind the first, and each holds a thread. */
  refuseWhileHanging(): void {
    if (this.#hang !== undefined && !this.isIdle) throw this.#hang;
    this.#hang = undefined;
  }

  /** Frees the library, unless a thread is still in it: to take its code away would end the process. */
  unload(): void {
    if (this.isIdle) this.#loaded.close();
  }

  /**
   * Waits for a call.
   *
   * @param memory What the call writes to: kept until it returns, though nobody waits any more.
   * @throws {NvmlError} Where NVML refuses.
   * @throws {Error} Where it does not answer in time.
   */
  async ask(what: string, memory: readonly unknown[], call: Promise<number>): Promise<void> {
    this.#inFlight.add(memory);
    const returned = call.finally(() => this.#inFlight.delete(memory));
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const seconds = this.#answerMsMax / SECOND_MS;
      const wanted = `Expected NVML to ${what} within ${seconds} s`;
      this.#hang = new Error(`${wanted}, got no answer; the driver hangs, see \`dmesg\``);
      late.reject(this.#hang);
    }, this.#answerMsMax);
    try {
      const code = await Promise.race([returned, late.promise]);
      if (code === 0) return;
      throw new NvmlError(code, `NVML cannot ${what}: ${this.#nameOf(code)} (code ${code})`);
    } finally {
      clearTimeout(timer);
    }
  }

  #nameOf(code: number): string {
    const pointer = this.symbols.nvmlErrorString(code);
    return pointer === null ? "unknown error" : Deno.UnsafePointerView.getCString(pointer);
  }
}
