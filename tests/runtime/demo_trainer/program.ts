/** The demo trainer as a program of its own, for tests that send it signals. */

import { runDemoTrainer } from "../../../lib/runtime/demo_trainer/trainer.ts";

const [packagePath = "", output = ""] = Deno.args;
const write = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
Deno.exit(
  await runDemoTrainer(
    {
      package: packagePath,
      output,
      epochs: 10_000,
      learningRate: 0.005,
      batchSize: 4,
      seed: 1,
      epochDelayMs: 20,
    },
    { out: write, err: write },
  ),
);
