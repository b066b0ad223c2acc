/** How much memory a server holds over time, and whether that grows. Pure: knows no server and no clock. */

/** What came of it. Memory in MB (10⁶ bytes). */
export interface MemoryReport {
  /** The median of each 30 s. */
  readonly curve_mb: readonly number[];
  /** The median slope after the warm-up, in MB a minute (Theil and Sen: single peaks do not count). */
  readonly slope_mb_per_min: number;
  /** Medians of the first and the last third of the time after the warm-up. */
  readonly first_third_mb: number;
  readonly last_third_mb: number;
  readonly verdict: "flat" | "grows" | "too_short";
}

/** One point of the curve. Higher: peaks of garbage vanish; lower: the curve is finer. */
export const POINT_SECONDS = 30;
/** Points that do not count: a heap finds its size in the first minutes. */
const WARM_UP_POINTS = 4;
/** Points after the warm-up without which nothing can be said: four minutes. */
const POINTS_MIN = 8;
/** What noise may look like. A day of such growth would be 430 MB, so longer runs say more. */
const SLOPE_MB_PER_MIN_MAX = 0.3;
/** By how much the last third may be above the first. */
const GROWTH_MAX = 1.05;

/** Memory by second. */
export class MemoryCurve {
  readonly #points: number[][] = [];

  /** The server held so many MB, so many seconds after the start. */
  held(megabytes: number, afterSeconds: number): void {
    const index = Math.floor(afterSeconds / POINT_SECONDS);
    while (this.#points.length <= index) this.#points.push([]);
    this.#points[index]?.push(megabytes);
  }

  /** The most that it held; 0 where nothing is known. */
  get peakMb(): number {
    return Math.max(0, ...this.#points.flat());
  }

  /** What can be said so far. */
  report(): MemoryReport {
    const curve = this.#points.filter((point) => point.length > 0).map(median);
    const settled = curve.slice(WARM_UP_POINTS);
    const third = Math.ceil(settled.length / 3);
    const first = median(settled.slice(0, third));
    const last = median(settled.slice(-third));
    const slope = median(slopesOf(settled)) * 60 / POINT_SECONDS;
    const isFlat = slope <= SLOPE_MB_PER_MIN_MAX && last <= first * GROWTH_MAX;
    return {
      curve_mb: curve.map(rounded),
      slope_mb_per_min: rounded(slope),
      first_third_mb: rounded(first),
      last_third_mb: rounded(last),
      verdict: settled.length < POINTS_MIN ? "too_short" : isFlat ? "flat" : "grows",
    };
  }
}

/** Between each two points, for each step between them. */
function slopesOf(values: readonly number[]): number[] {
  return values.flatMap((value, at) =>
    values.slice(at + 1).map((later, index) => (later - value) / (index + 1))
  );
}

/** 0 where there is none. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
