/** What a load has brought so far, and what comes of it in numbers. Knows no server. */

/** What was measured. Times in ms. */
export interface TallyReport {
  /** From opening a socket to being registered. */
  readonly join_p50_ms: number;
  readonly join_p99_ms: number;
  /** From saying something to its being heard by another worker. */
  readonly relay_p50_ms: number;
  readonly relay_p99_ms: number;
  /** Messages that were passed on, each second. */
  readonly messages_per_s: number;
  /** Refusals, lost sockets, messages that never came. */
  readonly errors: number;
}

/** What has happened so far. */
export class LoadTally {
  readonly #lossTolerated: number;
  readonly #joinMs: number[] = [];
  readonly #relayMs: number[] = [];
  #said = 0;
  #failed = 0;

  /**
   * @param lossTolerated The share of the messages that may go missing because who they were for left at
   * that moment; the server says so each time.
   */
  constructor(lossTolerated: number) {
    this.#lossTolerated = lossTolerated;
  }

  joined(tookMs: number): void {
    this.#joinMs.push(tookMs);
  }

  said(): void {
    this.#said++;
  }

  heard(tookMs: number): void {
    this.#relayMs.push(tookMs);
  }

  failed(): void {
    this.#failed++;
  }

  report(seconds: number): TallyReport {
    const lost = this.#said - this.#relayMs.length;
    const tolerated = Math.ceil(this.#said * this.#lossTolerated);
    return {
      join_p50_ms: percentile(this.#joinMs, 50),
      join_p99_ms: percentile(this.#joinMs, 99),
      relay_p50_ms: percentile(this.#relayMs, 50),
      relay_p99_ms: percentile(this.#relayMs, 99),
      messages_per_s: Math.round(this.#relayMs.length / seconds),
      errors: this.#failed + Math.max(0, lost - tolerated),
    };
  }
}

/** The smallest value that `percent` of 100 do not exceed, with three decimals; 0 where there is none. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(percent / 100 * sorted.length) - 1)] ?? 0;
  return Math.round(value * 1_000) / 1_000;
}
