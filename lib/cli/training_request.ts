/** From the arguments of `train` to what is sent: files looked into, limits checked. Sends nothing. */

import { basename } from "node:path";
import { decode } from "../protocol/decode.ts";
import { CONFIG_BYTES_MAX, type JobSpec, jobSpecSchema } from "../protocol/job_spec.ts";
import { inspectPackage, type PackageFacts, PackageRefused } from "../runtime/training_package.ts";
import { EXIT } from "./exit_code.ts";
import { Mistake } from "./mistake.ts";

/** What the command line says of a training. */
export interface TrainingFlags {
  readonly file: string;
  readonly runner: "sleap-nn" | "demo";
  readonly config: string | undefined;
  readonly epochs: number | undefined;
  readonly batchSize: number | undefined;
  readonly learningRate: number | undefined;
  readonly runName: string | undefined;
}

/**
 * Looks into the package and writes the job's specification.
 *
 * @throws {Mistake} With the exit code for bad input where the package or the configuration cannot
 * be used, and with that for usage where an option is wrong.
 */
export async function trainingSpec(
  flags: TrainingFlags,
): Promise<{ readonly spec: JobSpec; readonly facts: PackageFacts }> {
  if (flags.runner === "sleap-nn" && flags.config === undefined) {
    throw new Mistake(
      "Expected --config FILE.yaml for sleap-nn, got none; export one in SLEAP (Predict → Run Training), or try things out with --runner demo",
    );
  }
  if (flags.runner === "demo" && flags.config !== undefined) {
    throw new Mistake("Expected no --config with --runner demo, which reads none; leave it out");
  }
  const facts = await inspect(flags.file);
  const { epochs, batchSize, learningRate } = flags;
  const decoded = decode({
    kind: "train",
    runner: flags.runner,
    package: basename(flags.file),
    run_name: flags.runName ?? runNameOf(flags.file),
    ...(epochs === undefined ? {} : { max_epochs: epochs }),
    ...(batchSize === undefined ? {} : { batch_size: batchSize }),
    ...(learningRate === undefined ? {} : { learning_rate: learningRate }),
    ...(flags.config === undefined ? {} : { config_content: await readConfig(flags.config) }),
  }, jobSpecSchema);
  if (decoded.ok) return { spec: decoded.value, facts };
  throw new Mistake(
    `Expected a training that workers take, got one they refuse: ${decoded.reason}`,
  );
}

/** A run name made of the package's: `fly labels.pkg.slp` is `fly-labels`. */
export function runNameOf(file: string): string {
  const stem = basename(file).replace(/(\.pkg)?\.slp$/i, "");
  const name = stem.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9_]+/, "").slice(0, 64);
  return name === "" ? "training" : name;
}

async function inspect(file: string): Promise<PackageFacts> {
  try {
    return await inspectPackage(file);
  } catch (cause) {
    if (!(cause instanceof PackageRefused)) throw cause;
    throw new Mistake(cause.message, { cause, exitCode: EXIT.badInput });
  }
}

async function readConfig(file: string): Promise<string> {
  const exitCode = EXIT.badInput;
  try {
    const { size } = await Deno.stat(file);
    if (size <= CONFIG_BYTES_MAX) return await Deno.readTextFile(file);
  } catch (cause) {
    throw new Mistake(
      `Expected a readable configuration at ${file} (from --config), got an error`,
      {
        cause,
        exitCode,
      },
    );
  }
  throw new Mistake(
    `Expected a configuration of at most ${CONFIG_BYTES_MAX} bytes at ${file} (from --config), got more`,
    { exitCode },
  );
}
