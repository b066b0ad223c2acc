/** A worker with GPUs that a script pretends: what the room learns, and what the trainer may see. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { isPeerId } from "../../lib/base/id.ts";
import type { Property } from "../../lib/protocol/worker.ts";
import type { Line } from "../../scripts/lab/program.ts";
import { eventually } from "./condition.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { discover, trained } from "./training_outcome.ts";

/** Two GPUs; what uses them stands in the file `users`. No real driver is to answer before it. */
async function driver(folder: string): Promise<Readonly<Record<string, string>>> {
  const smi = join(folder, "nvidia-smi");
  const users = join(folder, "users");
  await Deno.writeTextFile(join(folder, "libnvidia-ml.so.1"), "no library");
  await Deno.writeTextFile(users, "");
  await Deno.writeTextFile(
    smi,
    `#!/bin/sh
case "$*" in
*query-gpu*)
  case "$*" in *--id=GPU-one*) ;; *) echo "0, GPU-zero, 550.1, 24564, 0, 24564, 0, RTX A5000" ;; esac
  echo "1, GPU-one, 550.1, 15360, 100, 15260, 0, Tesla T4" ;;
*) cat ${users} ;;
esac
`,
    { mode: 0o755 },
  );
  return { PATH: `${folder}:${Deno.env.get("PATH") ?? ""}`, LD_LIBRARY_PATH: folder };
}

async function propertiesOf(stage: Stage): Promise<Readonly<Record<string, Property>>> {
  const { workers } = await discover(stage);
  return workers[0]?.metadata.properties ?? {};
}

Deno.test({
  name: "e2e: a worker states its GPU, gives it to its job, and says when others use it",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    onStage("auto", async (stage) => {
      const env = await driver(stage.folder);
      const trainer = await slowTrainer(stage);
      const program = join(stage.folder, "sleap-nn");
      const training = await Deno.readTextFile(program);
      const seen = 'echo "$CUDA_VISIBLE_DEVICES" >"$output/seen"\n';
      await Deno.writeTextFile(program, `${training}${seen}`);
      const worker = stage.lab.start(
        ["worker", "--json", "--name", "gpu", "--gpu", "1", ...trainer],
        { ...env, CUDA_VISIBLE_DEVICES: "1,0" },
      );
      const ready = await worker.line(({ event }) => event === "ready", "its ready line", 60_000);
      const peerId = String(ready["peer_id"]);
      assert.ok(isPeerId(peerId));
      await stage.lab.listed(
        [{ name: "gpu", peerId, program: worker }],
        30_000,
        new AbortController().signal,
      );
      const { gpu_memory_mb, gpu_model, gpu_index, gpu_uuid, driver_version, ...more } =
        await propertiesOf(stage);
      assert.deepEqual([gpu_memory_mb, gpu_model, gpu_index, gpu_uuid, driver_version], [
        15_360,
        "Tesla T4",
        1,
        "GPU-one",
        "550.1",
      ]);
      assert.equal(more["gpu_in_use_by_others"], false);

      const client = stage.train(await stage.package(), await slowTraining(stage, 2));
      trained(await endsWith(client, 0));
      assert.equal(await Deno.readTextFile(join(stage.results, "seen")), "GPU-one\n");

      await Deno.writeTextFile(join(stage.folder, "users"), "GPU-one, 1\n");
      await eventually(
        "the worker to say that others use its GPU",
        async () => (await propertiesOf(stage))["gpu_in_use_by_others"] === true || undefined,
        30_000,
      );
      const { stdout } = await endsWith(stage.lab.start(["discover"]), 0);
      assert.match(stdout, /available \(in use by others\)/);
    }),
});

Deno.test({
  name:
    "e2e: a worker for each GPU of one machine, at once and without names, each with its own job",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    onStage("auto", async (stage) => {
      const env = await driver(stage.folder);
      const trainer = await slowTrainer(stage);
      const start = async (gpu: string) => {
        const args = ["worker", "--json", "--gpu", gpu, "--drain-timeout", "0", ...trainer];
        const program = stage.lab.start(args, env);
        const ready = await program.line(({ event }) => event === "ready", "ready", 60_000);
        const peerId = String(ready["peer_id"]);
        assert.ok(isPeerId(peerId));
        return { name: `gpu${gpu}`, peerId, program };
      };
      const workers = await Promise.all(["0", "1"].map(start));
      await stage.lab.listed(workers, 30_000, new AbortController().signal);
      assert.equal(new Set(workers.map(({ peerId }) => peerId)).size, 2);
      const [zero, one] = workers;
      assert.match(zero?.peerId ?? "", /-gpu0-[a-z2-7]{10}$/);
      assert.match(one?.peerId ?? "", /-gpu1-[a-z2-7]{10}$/);
      const file = await stage.package();
      const clients = [];
      for (const { peerId } of workers) {
        const output = join(stage.folder, `results-${peerId}`);
        const training = await slowTraining(stage, 40);
        const args = ["train", file, "--json", "--output", output, "--worker", peerId];
        clients.push(stage.lab.start([...args, ...training]));
      }
      const isTraining = ({ event }: Line) => event === "epoch";
      for (const client of clients) await client.line(isTraining, "its first epoch", 30_000);
      const { workers: views } = await discover(stage);
      assert.deepEqual(views.map(({ status }) => status), ["busy", "busy"]);
      const ended = [];
      for (const client of clients) ended.push(trained(await endsWith(client, 0, 60_000)).worker);
      assert.deepEqual(ended, workers.map(({ peerId }) => peerId));
    }),
});

Deno.test({
  name: "e2e: a GPU that is hidden, absent or silent is refused with what to do next",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    onStage("auto", async (stage) => {
      const env = await driver(stage.folder);
      const worker = (more: Readonly<Record<string, string>>, gpu: readonly string[]) =>
        stage.lab.start(["worker", "--runner", "demo", ...gpu], { ...env, ...more });
      const cases: [Record<string, string>, string[], RegExp][] = [
        [{ CUDA_VISIBLE_DEVICES: "1" }, ["--gpu", "0"], /for --gpu \(1, since CUDA_VIS.* got 0/],
        [{}, ["--gpu", "7"], /Expected one of this machine's GPUs for --gpu \(0, 1\), got 7/],
        [
          { CUDA_VISIBLE_DEVICES: "" },
          ["--gpu", "0"],
          /for --gpu \(none, since CUDA_VISIBLE_DEVICES= hides the others\), got 0/,
        ],
      ];
      for (const [more, gpu, message] of cases) {
        const { stderr } = await endsWith(worker(more, gpu), 2);
        assert.match(stderr, message);
      }
      await Deno.writeTextFile(join(stage.folder, "nvidia-smi"), "#!/bin/sh\necho mad\n");
      const { stderr } = await endsWith(worker({}, []), 2);
      assert.match(stderr, /got "mad"; update the driver; mend the driver, or state the GPU/);

      const looked = await endsWith(stage.lab.start(["version", "--verbose"], env), 0);
      assert.match(looked.stdout, /^GPUs {6}not known\n {10}NVML cannot be loaded: /m);
    }),
});
