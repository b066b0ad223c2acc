/** A killed sender, a killed receiver, another backend: a file arrives all the same, and little of it twice. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { digestFile } from "../../lib/runtime/file_digest.ts";
import { BLOCK_BYTES } from "../../lib/transfer/block.ts";
import { TransferLab, type TransferRole } from "../../scripts/lab/transfer_lab.ts";
import { eventually } from "./condition.ts";
import { onStage } from "./stage.ts";

const BYTES = 12 * BLOCK_BYTES + 12_345;
const LIMIT_MS = 120_000;

/** A lab with one file of noise to be sent. */
async function withLab(body: (lab: TransferLab, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-e2e-" });
  try {
    await Deno.mkdir(join(folder, "from"));
    await Deno.mkdir(join(folder, "to"));
    const noise = new Uint8Array(BYTES);
    for (let at = 0; at < BYTES; at += 65_536) {
      crypto.getRandomValues(noise.subarray(at, at + 65_536));
    }
    await Deno.writeFile(join(folder, "from", "file.bin"), noise);
    await using lab = new TransferLab(folder);
    await body(lab, folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Lets a transfer go on until a third of the file is there, and then kills one of the two. */
async function kill(
  lab: TransferLab,
  role: TransferRole,
): Promise<{ link: string; there: number }> {
  const link = await lab.meet({ word: "meet" });
  const program = lab.of(role);
  const { bytes } = await program.line(
    ({ event, bytes }) => event === "progress" && Number(bytes) > BYTES / 3,
    "that a third is there",
    LIMIT_MS,
  );
  program.signal("SIGKILL");
  await program.status;
  return { link, there: Number(bytes) };
}

const cases = [
  ["sender", "native", "native"],
  ["receiver", "native", "native"],
  ["sender", "werift", "native"],
  ["receiver", "native", "werift"],
] as const;
for (const [victim, rtc, rtcThen] of cases) {
  Deno.test(`e2e: a ${victim} on ${rtc} that is killed comes back on ${rtcThen}, and a block is sent again at most`, () =>
    withLab(async (lab, folder) => {
      await lab.start("sender", rtc);
      await lab.start("receiver", rtc);
      const { link, there } = await kill(lab, victim);
      const survivor = victim === "sender" ? "receiver" : "sender";
      const cut = await lab.ended(survivor, link, LIMIT_MS);
      assert.equal(cut["event"], "failed");
      const names = [...Deno.readDirSync(join(folder, "to", "files"))];
      assert.deepEqual(names, [], "Nothing stands under its name yet");

      await lab.start(victim, rtcThen);
      const again = await lab.meet({ word: "meet" });
      const end = await lab.ended("receiver", again, LIMIT_MS);
      assert.equal(end["event"], "done", String(end["reason"]));
      // A receiver that lives knows what had arrived; of one that was killed, what it had said.
      const before = victim === "sender" ? Number(cut["arrived"]) : there;
      const twice = before + Number(end["arrived"]) - BYTES;
      assert.ok(twice <= BLOCK_BYTES, `${twice} bytes were sent twice`);
      assert.ok(Number(end["arrived"]) < BYTES, `${end["arrived"]} bytes in the second transfer`);
      const [from, to] = [
        join(folder, "from", "file.bin"),
        join(folder, "to", "files", "file.bin"),
      ];
      assert.deepEqual(await digestFile(to), await digestFile(from));
      assert.deepEqual([...Deno.readDirSync(join(folder, "to", "parts"))], []);
    }));
}

Deno.test("e2e: a worker that is killed in an upload gets the rest of it in its next life", () =>
  onStage("werift", async (stage) => {
    const worker = await stage.worker("gpu");
    const file = await stage.package();
    // What stands behind the last block of an HDF5 file is nobody's; it is sent all the same.
    await Deno.truncate(file, BYTES);
    const args = ["--runner", "demo", "--epochs", "1", "--rtc", "werift", "--reattach", "90"];
    const client = stage.train(file, args);
    await client.line(
      ({ event, bytes }) => event === "uploaded" && Number(bytes) > 2.5 * BLOCK_BYTES,
      "its third block",
      LIMIT_MS,
    );
    worker.program.signal("SIGKILL");
    await worker.program.status;
    await stage.lab.addWorkers([{ name: "gpu", gpuMemoryMb: 24_000 }]);
    const { code } = await client.exited(LIMIT_MS);
    assert.equal(code, 0, `${client.text.stdout.slice(-2_000)}\n${client.text.stderr}`);
    const wanted = client.lines.flatMap(({ event, bytes_max: bytes }) =>
      event === "uploaded" ? [Number(bytes)] : []
    );
    const rest = await eventually("the second upload", () => wanted.at(-1), 1_000);
    assert.ok(rest <= BYTES - 2 * BLOCK_BYTES, `${rest} bytes of ${wanted[0]} in the second life`);
  }));
