/**
 * A stand-in for sleap-nn whose results are known beforehand: it trains for tenths of a second, and its
 * weights are a copy of the package. Knows nothing of who starts it.
 */

import { join } from "node:path";
import type { FileEntry } from "../../../lib/protocol/manifest.ts";
import { digestFile } from "../../../lib/runtime/file_digest.ts";
import { writeSamplePackage } from "../../../lib/runtime/training_package.ts";

/** Epochs of a training; each takes a tenth of a second. */
export const EPOCHS = 20;

const PROGRAM = `#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    ++trainer_config.ckpt_dir=*) output=\${argument#*=} ;;
    data_config.train_labels_path=*) package=\${argument#*=[} ;;
  esac
done
echo "epoch,train_loss,val_loss,learning_rate" >"$output/training_log.csv"
epoch=0
while [ "$epoch" -lt ${EPOCHS} ]; do
  echo "$epoch,0.$((900 - epoch)),0.$((950 - epoch)),0.0001" >>"$output/training_log.csv"
  epoch=$((epoch + 1))
  sleep 0.1
done
cp "\${package%]}" "$output/best.ckpt"
`;

const NOISE_BYTES = 65_536;

/** Writes the trainer into `folder`. Gives the arguments of a worker that has it. */
export async function copyTrainer(folder: string): Promise<readonly string[]> {
  const path = join(folder, "sleap-nn");
  await Deno.writeTextFile(path, PROGRAM, { mode: 0o755 });
  return ["--runner", "sleap-nn", "--sleap-nn", path];
}

/** The least that `train` takes for a configuration. */
const CONFIG = `data_config: {}
model_config:
  backbone_config: unet
  head_configs: single_instance
trainer_config: {}
`;

/** Writes a configuration into `folder`. Gives the arguments of `train` for it. */
export async function copyTraining(folder: string): Promise<readonly string[]> {
  const path = join(folder, "config.yaml");
  await Deno.writeTextFile(path, CONFIG);
  return ["--config", path, "--epochs", String(EPOCHS), "--run-name", "copy"];
}

/** Writes a package of `bytes`, all but its beginning noise that no other package has. */
export async function noisyPackage(path: string, bytes: number): Promise<void> {
  await writeSamplePackage(path, { frames: 4, seed: 1, width: 32, height: 32 });
  using file = await Deno.open(path, { append: true });
  // What stands behind the last block of an HDF5 file is nobody's; it is sent all the same.
  for (let rest = bytes - (await file.stat()).size; rest > 0; rest -= NOISE_BYTES) {
    const noise = crypto.getRandomValues(new Uint8Array(NOISE_BYTES));
    await file.write(noise.subarray(0, Math.min(rest, NOISE_BYTES)));
  }
}

/** Why the files of `folder` are not the results of a training on `packagePath`; undefined where they are. */
export async function whyWrong(folder: string, packagePath: string): Promise<string | undefined> {
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  if (names.join() !== "best.ckpt,training_log.csv") return `The results are ${names.join()}`;
  const [weights, log] = names.map((name) => join(folder, name));
  if (await digest(weights) !== await digest(packagePath)) return "best.ckpt has wrong bytes";
  const rows = Array.from(
    { length: EPOCHS },
    (_, epoch) => `${epoch},0.${900 - epoch},0.${950 - epoch},0.0001\n`,
  );
  const wanted = `epoch,train_loss,val_loss,learning_rate\n${rows.join("")}`;
  const isEqual = log !== undefined && await Deno.readTextFile(log) === wanted;
  return isEqual ? undefined : "training_log.csv has wrong bytes";
}

async function digest(path = ""): Promise<FileEntry["sha256"]> {
  return (await digestFile(path)).sha256;
}
