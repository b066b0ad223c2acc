/**
 * Keeps failures inside werift from ending the process: a datagram or message that it does not
 * expect becomes an unhandled rejection there. Knows werift by its stack; leaves all else alone.
 */

import type { Log } from "../base/log.ts";

/** Where werift's code stands: in Deno's cache, a compiled binary, or `node_modules`. */
const WERIFT_PATH = /[\\/]werift[\\/](?:\d+\.\d+\.\d+[^\\/]*[\\/])?lib[\\/]/;
/** Frames of a stack that belong to the runtime and not to a module of anybody's. */
const RUNTIME_PATH = /\b(?:node|ext):/;

/** The guard, until it is disposed of. */
export interface StrayFailureGuard extends Disposable {
  /** Failures that it has kept from ending the process. */
  readonly count: number;
}

/** Whether `failure` was thrown by werift's own code, not by ours that it called. */
export function isFromWerift(failure: unknown): boolean {
  if (!(failure instanceof Error) || failure.stack === undefined) return false;
  const thrower = failure.stack.split("\n")
    .find((line) => /^\s+at .*:\d+:\d+/.test(line) && !RUNTIME_PATH.test(line));
  return thrower !== undefined && WERIFT_PATH.test(thrower);
}

/** Logs, counts and absorbs werift's stray failures. A link that is hurt falls silent or closes. */
export function guardAgainstStrayFailures(log: Log): StrayFailureGuard {
  let count = 0;
  const absorb = (event: Event, failure: unknown) => {
    if (!isFromWerift(failure)) return;
    event.preventDefault();
    count++;
    log.write("warning", "werift failed inside; the link concerned may close", {
      failure: failure instanceof Error ? failure.stack : undefined,
      count,
    });
  };
  const onRejection = (event: PromiseRejectionEvent) => absorb(event, event.reason);
  const onError = (event: ErrorEvent) => absorb(event, event.error);
  globalThis.addEventListener("unhandledrejection", onRejection);
  globalThis.addEventListener("error", onError);
  return {
    get count() {
      return count;
    },
    [Symbol.dispose]() {
      globalThis.removeEventListener("unhandledrejection", onRejection);
      globalThis.removeEventListener("error", onError);
    },
  };
}
