/** Bytes, rates and remaining times as people read them. */

import { formatDuration } from "../base/time.ts";

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes in powers of 1000, with at most one digit behind the point: `1.2 MB`. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  while (amount >= 999.5 && unit < UNITS.length - 1) {
    amount /= 1_000;
    unit++;
  }
  return `${unit === 0 || amount >= 99.5 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** Megabytes of GPU memory as gigabytes: `24 GB`. Nothing stated is a dash. */
export function formatMemory(megabytes: number): string {
  if (megabytes <= 0) return "-";
  return megabytes < 1_000 ? `${megabytes} MB` : `${Number((megabytes / 1_000).toFixed(1))} GB`;
}

/** A loss in four significant digits. */
export function formatLoss(loss: number | null | undefined): string {
  if (loss === null || loss === undefined) return "-";
  return loss !== 0 && Math.abs(loss) < 0.001 ? loss.toExponential(2) : loss.toPrecision(4);
}

/** A bar of `width` characters, filled as far as `done` of `max`. */
export function bar(done: number, max: number, width: number): string {
  const filled = Math.round(width * share(done, max));
  return "█".repeat(filled) + "░".repeat(Math.max(0, width - filled));
}

/** `done` of `max` from 0 to 1. Nothing to do counts as done. */
export function share(done: number, max: number): number {
  return max <= 0 ? 1 : Math.min(1, Math.max(0, done / max));
}

/** What remains at the pace so far: `3.0s`; nothing before there is a pace, or after the end. */
export function formatEta(done: number, max: number, elapsedMs: number): string {
  if (done <= 0 || done >= max || elapsedMs <= 0) return "";
  return `${formatDuration(elapsedMs * (max - done) / done)} left`;
}

/** A number of things, each `noun`: `1 frame`, `3 frames`. */
export function count(things: number, noun: string): string {
  return `${things} ${noun}${things === 1 ? "" : "s"}`;
}
