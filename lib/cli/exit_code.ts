/** The exit codes of all commands and what each means. Knows nothing of what the commands do. */

import type { FailureKind } from "../base/failure.ts";

/** Every exit code by its name. They are stable: scripts read them. */
export const EXIT = {
  ok: 0,
  jobFailed: 1,
  usage: 2,
  badInput: 3,
  serverUnreachable: 4,
  refused: 5,
  noWorker: 6,
  workerLost: 7,
  protocol: 8,
  fault: 70,
  interrupted: 130,
  terminated: 143,
} as const;

/** The name of an exit code. */
export type ExitName = keyof typeof EXIT;

/** What each exit code means, as `--help` says it. */
export const EXIT_MEANINGS: Readonly<Record<ExitName, string>> = {
  ok: "done",
  jobFailed: "the job ran and failed, or was cancelled",
  usage: "wrong arguments or settings",
  badInput: "the input file cannot be used",
  serverUnreachable: "the signaling server does not answer",
  refused: "the room or the identity is refused",
  noWorker: "no worker fits, is free, or takes the job",
  workerLost: "the worker went away, or bytes arrived damaged",
  protocol: "the other side does not speak as agreed",
  fault: "a fault of sleap-rtc itself",
  interrupted: "interrupted with Ctrl-C",
  terminated: "ended by SIGTERM",
};

/** The exit code of what a client could not do. */
export function exitCodeOf(kind: FailureKind): number {
  switch (kind) {
    case "job_failed":
    case "job_cancelled":
      return EXIT.jobFailed;
    case "no_place":
      return EXIT.usage;
    case "server_unreachable":
      return EXIT.serverUnreachable;
    case "room_refused":
      return EXIT.refused;
    case "no_worker":
    case "job_refused":
      return EXIT.noWorker;
    case "worker_lost":
    case "corrupt":
      return EXIT.workerLost;
    case "protocol":
      return EXIT.protocol;
    default:
      return kind satisfies never;
  }
}

/** The exit code after the person or the system asked for the end, by the reason of the signal. */
export function exitCodeOfInterruption(signal: AbortSignal): number {
  return signal.reason === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
}
