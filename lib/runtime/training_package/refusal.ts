/** Why a file cannot be trained on, in words for the person who chose it. Opens nothing. */

/** What is wrong with a file, for those who decide by it. */
export type RefusalReason =
  | "no_such_file"
  | "not_a_file"
  | "not_readable"
  | "empty"
  | "not_hdf5"
  | "incomplete"
  | "not_sleap"
  | "no_labels"
  | "frames_elsewhere"
  | "frames_missing"
  | "picture_unreadable";

/** How one gets what we can train on. */
export const EXPORT_ADVICE =
  "export a training package (`.pkg.slp`), in SLEAP: Predict → Export Training Package";

/** A file that is no training package. The message says what it is, and what to do next. */
export class PackageRefused extends Error {
  override readonly name = "PackageRefused";
  readonly reason: RefusalReason;
  readonly path: string;
  /** What to do next. */
  readonly advice: string;

  constructor(
    reason: RefusalReason,
    path: string,
    options: { got: string; advice?: string; cause?: unknown },
  ) {
    const advice = options.advice ?? EXPORT_ADVICE;
    super(
      `Expected a SLEAP training package at ${path}, got ${options.got}; ${advice}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.reason = reason;
    this.path = path;
    this.advice = advice;
  }
}
