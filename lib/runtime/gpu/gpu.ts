/** What can be known of a GPU, and whoever can be asked for it. Asks nobody itself. */

/** One look at one GPU that answered. Memory is in MB as NVIDIA's tools count them, of 2^20 bytes. */
export interface Gpu {
  readonly state: "well";
  /** As `nvidia-smi` counts: by PCI bus, from 0. */
  readonly index: number;
  readonly uuid: string;
  readonly model: string;
  readonly driverVersion: string;
  /** The newest CUDA that the driver supports, such as `12.4`; undefined where it is not told. */
  readonly cudaVersion: string | undefined;
  readonly memoryTotalMb: number;
  readonly memoryUsedMb: number;
  readonly memoryFreeMb: number;
  /** 0 to 100; undefined where the GPU does not tell. */
  readonly utilizationPercent: number | undefined;
  /** Ids of the processes that compute on it; undefined where they are not told. */
  readonly processes: readonly number[] | undefined;
}

/** A GPU that is there and cannot be described, such as one that fell off the bus. */
export interface FailedGpu {
  readonly state: "failed";
  readonly index: number;
  readonly uuid: string | undefined;
  readonly reason: string;
}

/** One look at one GPU. */
export type GpuReading = Gpu | FailedGpu;

/** By which way GPUs are asked. */
export type GpuWay = "NVML" | "nvidia-smi";

/** What tells of this machine's GPUs. */
export interface GpuSource {
  readonly way: GpuWay;
  /**
   * Every GPU that this process may see, by index.
   *
   * @throws {Error} Where the driver does not answer, or not as agreed.
   */
  list(): Promise<GpuReading[]>;
  /**
   * The GPU of that UUID. One that is there no more is a failed one.
   *
   * @throws {Error} Where the driver does not answer, or not as agreed.
   */
  read(gpu: Pick<Gpu, "index" | "uuid">): Promise<GpuReading>;
  /** Frees what the source holds. It must not be asked again. */
  close(): Promise<void>;
}

/** How long the driver may take for one answer. Higher: sleeping cards wake up; lower: a hung driver is told sooner. */
export const ANSWER_MS_MAX = 5_000;
