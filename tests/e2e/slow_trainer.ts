/**
 * A stand-in for sleap-nn, as a program on disk: it writes the log that sleap-nn writes, ten rows a
 * second, and uses no CPU. A run called `fail` fails. Knows nothing of who starts it.
 */

import { join } from "node:path";
import type { Stage } from "./stage.ts";

const PROGRAM = `#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    ++trainer_config.ckpt_dir=*) output=\${argument#*=} ;;
    trainer_config.max_epochs=*) epochs=\${argument#*=} ;;
    trainer_config.run_name=fail) echo "CUDA out of memory" >&2; exit 3 ;;
  esac
done
echo "epoch,train_loss,val_loss,learning_rate" >"$output/training_log.csv"
epoch=0
while [ "$epoch" -lt "$epochs" ]; do
  echo "$epoch,0.$((900 - epoch)),0.$((950 - epoch)),0.0001" >>"$output/training_log.csv"
  echo "Epoch $epoch"
  epoch=$((epoch + 1))
  sleep 0.1
done
echo weights >"$output/best.ckpt"
`;

/** The least that `train` takes for a configuration. */
const CONFIG = `data_config: {}
model_config:
  backbone_config: unet
  head_configs: single_instance
trainer_config: {}
`;

/** The arguments of a worker that has this trainer. */
export async function slowTrainer({ folder }: Stage): Promise<readonly string[]> {
  const path = join(folder, "sleap-nn");
  await Deno.writeTextFile(path, PROGRAM, { mode: 0o755 });
  return ["--runner", "sleap-nn", "--sleap-nn", path];
}

/** The arguments of `train` for a training of `epochs` tenths of a second. */
export async function slowTraining(
  { folder }: Stage,
  epochs: number,
  runName = "slow",
): Promise<readonly string[]> {
  const config = join(folder, "config.yaml");
  await Deno.writeTextFile(config, CONFIG);
  return ["--config", config, "--epochs", String(epochs), "--run-name", runName];
}
