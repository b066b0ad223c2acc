import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EpochRow, TrainingLogParser } from "../../../lib/job/training_log.ts";
import { type DemoTrainerOptions, trainDemo } from "../../../lib/runtime/demo_trainer/trainer.ts";
import { writeSamplePackage } from "../../../lib/runtime/training_package.ts";

const DATA = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));
const OPTIONS = { epochs: 20, learningRate: 0.005, batchSize: 4, seed: 1 };
/** A delay that a test can tell from none. */
const LONG_DELAY_MS = 60_000;

interface Folder {
  readonly package: string;
  readonly output: string;
}

async function withSample(work: (folder: Folder) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-test-" });
  try {
    const path = join(folder, "sample.pkg.slp");
    await writeSamplePackage(path, { frames: 40, seed: 7, width: 64, height: 64 });
    await work({ package: path, output: join(folder, "models", "run") });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Trains, and asks for the stops that `onLine` returns as the lines come. */
async function train(
  options: DemoTrainerOptions,
  onLine: (line: string) => "finish" | "abandon" | undefined = () => undefined,
): Promise<{ code: number; out: string[]; err: string[]; files: string[]; rows: EpochRow[] }> {
  const stops = { finish: new AbortController(), abandon: new AbortController() };
  const out: string[] = [];
  const err: string[] = [];
  const startMs = performance.now();
  const code = await trainDemo(options, {
    out: (line) => {
      out.push(line);
      const stop = onLine(line);
      if (stop !== undefined) stops[stop].abort();
    },
    err: (line) => err.push(line),
  }, { finish: stops.finish.signal, abandon: stops.abandon.signal });
  ok(performance.now() - startMs < LONG_DELAY_MS / 2, "no training here may sit a delay out");
  const files = existsSync(options.output)
    ? [...Deno.readDirSync(options.output)].map(({ name }) => name).sort()
    : [];
  const rows = files.includes("training_log.csv") ? rowsOf(options.output) : [];
  return { code, out, err, files, rows };
}

function rowsOf(folder: string): EpochRow[] {
  const text = Deno.readTextFileSync(join(folder, "training_log.csv"));
  return new TrainingLogParser().push(text).flatMap((entry) =>
    entry.kind === "row" ? [entry.row] : []
  );
}

Deno.test("the demo trainer learns the sample package, and writes its log and model", () =>
  withSample(async (folder) => {
    const { code, out, files, rows } = await train({ ...folder, ...OPTIONS });
    equal(code, 0);
    deepEqual(files, ["best_model.json", "training_log.csv"]);
    deepEqual(rows.map(({ epoch }) => epoch), [0, ...Array.from({ length: 20 }, (_, i) => i)]);
    equal(rows[0]?.trainLoss, null);
    const [first, last] = [rows[1], rows.at(-1)];
    ok((last?.trainLoss ?? NaN) < 0.1 * (first?.trainLoss ?? NaN), "train_loss");
    ok((last?.valLoss ?? NaN) < 0.1 * (rows[0]?.valLoss ?? NaN), "val_loss on frames it never saw");
    match(out[0] ?? "", /^Learning 3 keypoints from 36 labelled animals, judging by 4 others$/);
    match(out[1] ?? "", /^Epoch 1\/20 train_loss=0\.\d+ val_loss=0\.\d+$/);
    match(out.at(-1) ?? "", /^Wrote best_model\.json of epoch \d+, val_loss=/);
  }));

Deno.test("the log's columns are those of sleap-nn", () =>
  withSample(async (folder) => {
    await train({ ...folder, ...OPTIONS, epochs: 1 });
    const [header] = (await Deno.readTextFile(join(folder.output, "training_log.csv"))).split("\n");
    equal(header, "epoch,train_loss,val_loss,learning_rate,train_time,val_time");
    if (!existsSync(DATA)) return;
    const real = await Deno.readTextFile(
      join(DATA, "sleap-nn", "minimal_instance_centroid-training_log.csv"),
    );
    equal(header, real.split("\n")[0]?.trimEnd());
  }));

Deno.test("the model holds what its log says", () =>
  withSample(async (folder) => {
    const { rows } = await train({ ...folder, ...OPTIONS });
    const model = JSON.parse(await Deno.readTextFile(join(folder.output, "best_model.json")));
    deepEqual([model.nodes, model.input.size], [["head", "thorax", "abdomen"], 24]);
    const bytes = atob(model.weights.float32_little_endian_base64).length;
    equal(bytes, 4 * model.weights.rows * model.weights.columns);
    equal(model.training.best_val_loss, Math.min(...rows.map(({ valLoss }) => valLoss ?? NaN)));
    equal(model.training.epochs_done, 20);
  }));

Deno.test("the same seed learns the same, another seed something else", () =>
  withSample(async (folder) => {
    const losses = async (seed: number) => {
      const { rows } = await train({ ...folder, ...OPTIONS, epochs: 3, seed });
      return rows.map(({ trainLoss, valLoss }) => [trainLoss, valLoss]);
    };
    const first = await losses(1);
    deepEqual(await losses(1), first);
    ok(JSON.stringify(await losses(2)) !== JSON.stringify(first));
  }));

Deno.test("asked to finish, the trainer ends the epoch and keeps the model", () =>
  withSample(async (folder) => {
    const options = { ...folder, ...OPTIONS, epochs: 10_000, epochDelayMs: LONG_DELAY_MS };
    const { code, out, files, rows } = await train(
      options,
      (line) => line.startsWith("Epoch 1/") ? "finish" : undefined,
    );
    deepEqual([code, rows.length, files.length], [0, 2, 2]);
    match(out.at(-1) ?? "", /^Stopped early after 1 of 10000 epochs; Wrote best_model\.json/);
  }));

Deno.test("abandoned, the trainer ends at once and leaves no model", () =>
  withSample(async (folder) => {
    const options = { ...folder, ...OPTIONS, epochDelayMs: LONG_DELAY_MS };
    const { code, files } = await train(
      options,
      (line) => line.startsWith("Epoch 1/") ? "abandon" : undefined,
    );
    deepEqual([code, files], [143, ["training_log.csv"]]);
  }));

const mistakes: [Partial<DemoTrainerOptions>, RegExp][] = [
  [{ epochs: 0 }, /^Expected the epochs to be a whole number from 1 to 10000, got 0$/],
  [{ batchSize: 1.5 }, /batch size/],
  [{ learningRate: NaN }, /learning rate .* got NaN/],
  [{ seed: -1 }, /seed/],
  [{ epochDelayMs: -1 }, /epoch delay/],
];
for (const [mistake, message] of mistakes) {
  Deno.test(`the trainer refuses ${JSON.stringify(Object.keys(mistake))} out of range`, () =>
    withSample(async (folder) => {
      const { code, err, files } = await train({ ...folder, ...OPTIONS, ...mistake });
      deepEqual([code, files], [2, []]);
      match(err.join("\n"), message);
    }));
}

Deno.test("the trainer refuses what is no package, and writes nothing", () =>
  withSample(async (folder) => {
    await Deno.writeTextFile(folder.package, "no package");
    const { code, err, files } = await train({ ...folder, ...OPTIONS });
    deepEqual([code, files], [1, []]);
    match(err.join("\n"), /got a plain text; export a training package/);
  }));

Deno.test({
  name: "the demo trainer learns a real package of one frame (skipped without ../shared/data)",
  ignore: !existsSync(DATA),
  fn: () =>
    withSample(async ({ output }) => {
      const real = join(DATA, "slp", "minimal_instance.pkg.slp");
      const { code, out, rows } = await train({ package: real, output, ...OPTIONS });
      equal(code, 0);
      match(
        out[0] ?? "",
        /there is only one frame: val_loss flatters; Frames show several animals/,
      );
      ok((rows.at(-1)?.trainLoss ?? NaN) < 0.5 * (rows[1]?.trainLoss ?? NaN));
    }),
});

for (
  const [signal, code, hasModel] of [["SIGINT", 0, true], ["SIGTERM", 143, false]] as const
) {
  Deno.test({
    name: `the trainer's process ends with ${code} on ${signal} (not on Windows)`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      withSample(async (folder) => {
        const program = fileURLToPath(new URL("./program.ts", import.meta.url));
        const child = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", program, folder.package, folder.output],
          stdin: "null",
          stdout: "piped",
          stderr: "inherit",
        }).spawn();
        let seen = "";
        for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
          const hadBegun = seen.includes("Epoch 2/");
          seen += text;
          if (!hadBegun && seen.includes("Epoch 2/")) child.kill(signal);
        }
        equal((await child.status).code, code, seen);
        equal(existsSync(join(folder.output, "best_model.json")), hasModel);
        ok(rowsOf(folder.output).length < 1_000);
      }),
  });
}
