/** What a bench is and how its measurements are written. Knows no bench. */

/** One line of results: plain numbers, times in ms, rates in MB/s, memory in MB. */
export type Measurement = Readonly<Record<string, string | number | boolean>>;

/** An option of a bench. */
export interface BenchOption {
  /** What stands for its value in the help, such as `PATH`. */
  readonly value: string;
  /** What it is for, and what happens without it. */
  readonly summary: string;
}

/** How a bench is to be run. */
export interface BenchRun {
  readonly rounds: number;
  /** The options that were given. */
  readonly options: ReadonlyMap<string, string>;
}

/** A thing worth measuring. Each file in `scripts/bench/` that exports one as `bench` is found by its name. */
export interface Bench {
  /** What it measures, in one line. */
  readonly summary: string;
  /** How often it is repeated where `--rounds` does not say. */
  readonly rounds: number;
  /** Its own options by their long names. */
  readonly options: Readonly<Record<string, BenchOption>>;
  /** Measures. The summary comes last. */
  run(run: BenchRun): AsyncIterable<Measurement>;
}

/** Writes a measurement for a reader: `help_ms 34.2  rounds 10`. */
export function readable(measurement: Measurement): string {
  return Object.entries(measurement).map(([name, value]) => `${name} ${value}`).join("  ");
}
