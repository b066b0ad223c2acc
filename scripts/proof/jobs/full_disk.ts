/** Disks that are too small from the start, or fill up on the way. Knows no other fault. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { digestFile } from "../../../lib/runtime/file_digest.ts";
import { BLOCK_BYTES } from "../../../lib/transfer/block.ts";
import { rounded } from "../../bench/statistics.ts";
import { Lab } from "../../lab/lab.ts";
import { TransferLab } from "../../lab/transfer_lab.ts";
import { copyTrainer, copyTraining, noisyPackage } from "./copy_trainer.ts";
import type { Finding, ProofOptions } from "./proof.ts";

const LIMIT_MS = 240_000;
/** A file of three blocks, on a disk that holds it with little to spare. */
const FILE_BYTES = 3 * BLOCK_BYTES;
const DISK = "13m";
const OTHERS_BYTES = 4 * 1024 * 1024;

/** What a proof of a disk takes: an empty folder of its own, and what to end it by. */
interface Ground {
  readonly folder: string;
  readonly leave: AsyncDisposableStack;
  readonly options: ProofOptions;
}

/** Refuses before the first byte on a disk of 1 MiB, and goes on after one has filled up. */
export async function proveFullDisk(options: ProofOptions): Promise<Finding> {
  const refusal = await onGround(options, refuse);
  const { kept, again } = await onGround(options, fillUp);
  return {
    ok: true,
    refusal,
    kept_bytes: kept,
    again_mb: rounded(again / 1e6),
    sha256_equal: true,
  };
}

async function onGround<T>(options: ProofOptions, play: (ground: Ground) => Promise<T>) {
  await using leave = new AsyncDisposableStack();
  options.signal.throwIfAborted();
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-proof-" });
  leave.defer(() => Deno.remove(folder, { recursive: true }));
  return await play({ folder, leave, options });
}

/** A worker whose folder is a disk of 1 MiB takes no package of 3 MB, and says so in numbers. */
async function refuse({ folder, leave, options: { rtc, signal } }: Ground): Promise<string> {
  const workers = join(folder, "home", "workers");
  await mount(workers, "1m", leave);
  const lab = await Lab.open(folder, rtc);
  leave.defer(() => lab.close());
  endBy(signal, leave, () => lab.close());
  await lab.addWorkers([{ name: "gpu", gpuMemoryMb: 24_000, trainer: await copyTrainer(folder) }]);
  const file = join(folder, "animal.pkg.slp");
  await noisyPackage(file, 3_000_000);
  const training = [...await copyTraining(folder), "--output", join(folder, "results")];
  const client = lab.start(["train", file, "--json", ...training]);
  const { code } = await client.exited(LIMIT_MS);
  const said = String(client.lines.at(-1)?.["message"]);
  assert.equal(code, 6, `${client.text.stdout}\n${client.text.stderr}`);
  assert.match(said, /Expected 3\.0 MB on the worker's disk.*, got \d+(\.\d+)? MB; make room/);
  const sent = client.lines.filter(({ event, bytes }) => event === "uploaded" && Number(bytes) > 0);
  assert.deepEqual(sent, [], "Bytes were sent before it was refused");
  return said;
}

/** Somebody else fills the disk in the middle. What has arrived is kept, and not sent again. */
async function fillUp({ folder, leave, options: { rtc, signal } }: Ground) {
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  await Deno.mkdir(from);
  await mount(to, DISK, leave);
  const sent = join(from, "file.bin");
  const noise = new Uint8Array(FILE_BYTES);
  for (let at = 0; at < FILE_BYTES; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  await Deno.writeFile(sent, noise);
  const lab = leave.use(new TransferLab(folder));
  endBy(signal, leave, () => lab[Symbol.asyncDispose]());
  await lab.start("sender", rtc);
  await lab.start("receiver", rtc);
  const link = await lab.meet({ word: "meet" });
  const isUnderWay = ({ event, bytes }: Readonly<Record<string, unknown>>) =>
    event === "progress" && Number(bytes) >= BLOCK_BYTES;
  await lab.of("receiver").line(isUnderWay, "its first block", LIMIT_MS);
  const others = join(to, "of others");
  await Deno.writeFile(others, new Uint8Array(OTHERS_BYTES));
  const full = await lab.ended("receiver", link, LIMIT_MS);
  assert.equal(full["event"], "failed", "The file was there before the disk was full");
  assert.match(String(full["reason"]), /The disk of .*parts is full: .* are free; make room on it/);
  const told = await lab.ended("sender", link, LIMIT_MS);
  assert.match(String(told["reason"]), /The disk of .* is full/);
  await Deno.remove(others);
  const next = await lab.meet({ word: "meet" });
  const end = await lab.ended("receiver", next, LIMIT_MS);
  assert.equal(end["event"], "done", String(end["reason"]));
  const [kept, again] = [FILE_BYTES - Number(end["arrived"]), Number(end["arrived"])];
  assert.ok(kept >= BLOCK_BYTES, `Only ${kept} bytes were kept`);
  assert.deepEqual(await digestFile(join(to, "files", "file.bin")), await digestFile(sent));
  return { kept, again };
}

/** Mounts a disk of that size at `folder`, until `leave`. */
async function mount(folder: string, size: string, leave: AsyncDisposableStack): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]);
  leave.defer(() => run("umount", [folder]));
}

function endBy(signal: AbortSignal, leave: AsyncDisposableStack, end: () => Promise<void>): void {
  signal.addEventListener("abort", end);
  leave.defer(() => signal.removeEventListener("abort", end));
  signal.throwIfAborted();
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (success) return;
  const reason = new TextDecoder().decode(stderr).trim();
  throw new Error(`Expected \`${program} ${args.join(" ")}\` to do as told, got: ${reason}`);
}
