/** A training across a network that loses every fifth frame. Knows no other fault. */

import { join } from "node:path";
import { rounded } from "../../bench/statistics.ts";
import { Lab } from "../../lab/lab.ts";
import { Netlab } from "../../lab/netlab.ts";
import { copyTrainer, copyTraining, noisyPackage, whyWrong } from "./copy_trainer.ts";
import type { Finding, ProofOptions } from "./proof.ts";

const LOSS = 0.2;
const PACKAGE_BYTES = 20_000_000;
/** Both ways lose a fifth: a link takes several attempts, and each of them seconds. */
const MESH_MS = 300_000;
/** Of a fifth lost both ways, a transfer carries some 20 kB/s, and the results are as large as the package. */
const TRAIN_MS = 3_600_000;

/** Trains with a package of 20 MB from the server's place, and checks the results. */
export async function proveLoss({ rounds, rtc, signal, tell }: ProofOptions): Promise<Finding> {
  const times: Times[] = [];
  for (let round = 0; round < rounds; round++) {
    signal.throwIfAborted();
    times.push(await play(rtc, signal));
    tell(`round ${round}: ${JSON.stringify(times.at(-1))}`);
  }
  return {
    ok: true,
    rounds,
    loss: LOSS,
    bytes: PACKAGE_BYTES,
    upload_ms: rounded(Math.max(...times.map(({ uploadMs }) => uploadMs))),
    train_ms: rounded(Math.max(...times.map(({ trainMs }) => trainMs))),
    sha256_equal: true,
  };
}

/** From the command to the trainer's start, and to the results. */
interface Times {
  readonly uploadMs: number;
  readonly trainMs: number;
}

async function play(rtc: ProofOptions["rtc"], signal: AbortSignal): Promise<Times> {
  await using leave = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-proof-" });
  leave.defer(() => Deno.remove(folder, { recursive: true }));
  const net = leave.use(await Netlab.open(2));
  const lab = await Lab.open(folder, rtc, undefined, { site: net });
  leave.defer(() => lab.close());
  // Ctrl-C ends the programs; whatever waits for them then fails.
  const interrupt = () => lab.close();
  signal.addEventListener("abort", interrupt);
  leave.defer(() => signal.removeEventListener("abort", interrupt));
  signal.throwIfAborted();
  await net.everywhere({ loss: LOSS });
  const trainer = await copyTrainer(folder);
  const workers = await lab.addWorkers([
    { name: "w1", gpuMemoryMb: 24_000, trainer },
    { name: "w2", gpuMemoryMb: 16_000, trainer },
  ]);
  await lab.meshed(workers, MESH_MS);
  const file = join(folder, "animal.pkg.slp");
  await noisyPackage(file, PACKAGE_BYTES);
  const results = join(folder, "results");
  const training = [...await copyTraining(folder), "--reattach", "600", "--output", results];
  const startedAt = performance.now();
  const client = lab.start(["train", file, "--json", "--rtc", rtc, ...training]);
  await client.line(({ event, ok }) => event === "started" || ok === false, "its start", TRAIN_MS);
  const uploadMs = performance.now() - startedAt;
  const { code } = await client.exited(TRAIN_MS);
  if (code !== 0) throw new Error(`${client.text.stdout.slice(-2_000)}\n${client.text.stderr}`);
  const trainMs = performance.now() - startedAt;
  const wrong = await whyWrong(results, file);
  if (wrong !== undefined) throw new Error(wrong);
  return { uploadMs, trainMs };
}
