/** The arguments that commands about a job share, and the jobs that they mean. */

import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { argument, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { isJobId, type JobId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import { Mistake } from "./mistake.ts";
import { cleanText } from "./terminal_text.ts";

/** For how long a lost worker is looked for, in seconds. */
const REATTACH_SECONDS = 10;

/** `JOB`. */
export const jobArgument = argument(string({ metavar: "JOB" }), {
  description: message`The job, as train and jobs name it`,
});

/** `--reattach SECONDS`. */
export const reattachOption = withDefault(
  option("--reattach", integer({ min: 0, max: 86_400, metavar: "SECONDS" }), {
    description:
      message`How long to look for a worker that is lost while it trains; 0 gives up at once`,
  }),
  REATTACH_SECONDS,
);

/** `--output FOLDER`, for results that may have a folder already. */
export const outputOption = optional(
  option("--output", path({ metavar: "FOLDER", type: "directory" }), {
    description: message`A new folder for the results (by default the one that train was given)`,
  }),
);

/** @throws {Mistake} Where `text` is no job id. */
export function jobOf(text: string): JobId {
  if (isJobId(text)) return text;
  throw new Mistake(
    `Expected a job such as job-abcdefghijkl, got \`${
      cleanText(text)
    }\`; \`sleap-rtc jobs\` lists them`,
  );
}

/** What `--reattach` means, in milliseconds. */
export function reattachMsOf({ reattach }: { readonly reattach: number }): number {
  return reattach * SECOND_MS;
}

/**
 * Nothing of a former run may be mistaken for a result of this one.
 *
 * @throws {Mistake} Where something is in `folder`.
 */
export async function requireNewFolder(folder: string): Promise<void> {
  try {
    for await (const entry of Deno.readDir(folder)) {
      throw new Mistake(
        `Expected a new or empty folder for the results, got ${folder} with ${entry.name} in it; give another --output`,
      );
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new Mistake(
      `Expected a new or empty folder for the results, got the file ${folder}; give another --output`,
      { cause: error },
    );
  }
}
