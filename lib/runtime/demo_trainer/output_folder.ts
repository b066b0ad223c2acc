/** What the demo trainer leaves behind: a log that grows, and a model. Knows nothing of learning. */

import { join } from "node:path";
import { base64 } from "@scure/base";

/** The log's name and columns: those of sleap-nn, so that the same reader follows both. */
export const LOG_NAME = "training_log.csv";
/** The model's name. */
export const MODEL_NAME = "best_model.json";
const COLUMNS = "epoch,train_loss,val_loss,learning_rate,train_time,val_time";

/** An epoch as the log has it: losses in squared frame sizes, times in seconds. */
export interface LogRow {
  readonly epoch: number;
  /** Absent in the first row, which judges the untrained model. */
  readonly trainLoss?: number;
  readonly valLoss: number;
  readonly learningRate: number;
  readonly trainTimeS?: number;
  readonly valTimeS?: number;
}

/** The log of a training, written row by row. Free it with `using`. */
export class TrainingLog implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Begins the log in `folder`, in place of an older one. */
  static async create(folder: string): Promise<TrainingLog> {
    await Deno.mkdir(folder, { recursive: true });
    const file = await Deno.open(join(folder, LOG_NAME), {
      create: true,
      write: true,
      truncate: true,
    });
    const log = new TrainingLog(file);
    await log.#write(COLUMNS);
    return log;
  }

  /** Adds `row`. */
  add(row: LogRow): Promise<void> {
    const { epoch, trainLoss, valLoss, learningRate, trainTimeS, valTimeS } = row;
    const cells = [epoch, trainLoss, valLoss, learningRate, trainTimeS, valTimeS];
    return this.#write(cells.map((cell) => cell ?? "").join(","));
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  async #write(line: string): Promise<void> {
    let rest = new TextEncoder().encode(`${line}\n`);
    while (rest.length > 0) rest = rest.subarray(await this.#file.write(rest));
  }
}

/** A trained model, and how it came about. */
export interface TrainedModel {
  readonly nodes: readonly string[];
  /** Pixels of a side of the pictures that it takes. */
  readonly inputSize: number;
  /** A row for each coordinate; the last weight of a row is its constant. */
  readonly weights: Float32Array;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

/** Writes `model` into `folder`: beside its place first, so that nobody reads half of it. */
export async function writeModel(folder: string, model: TrainedModel): Promise<void> {
  const text = JSON.stringify(
    {
      format: "sleap-rtc-demo-linear-pose",
      version: 1,
      note: "A linear map for trying sleap-rtc out. It is no SLEAP model and no pose estimator.",
      nodes: model.nodes,
      input: {
        size: model.inputSize,
        features: "grey values less their mean, to unit length, then a constant 1",
      },
      output: "x and y of each node, from 0 to 1 of the frame's width and height",
      weights: {
        rows: 2 * model.nodes.length,
        columns: model.inputSize ** 2 + 1,
        float32_little_endian_base64: base64.encode(littleEndian(model.weights)),
      },
      training: model.facts,
    },
    undefined,
    2,
  );
  const path = join(folder, MODEL_NAME);
  await Deno.writeTextFile(`${path}.part`, `${text}\n`);
  await Deno.rename(`${path}.part`, path);
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setFloat32(4 * index, value, true);
  return bytes;
}
