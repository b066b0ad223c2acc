/** The demo as a person or a script runs it: its report, its exit codes, and that nothing is left. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { fileEntrySchema } from "../../lib/protocol/manifest.ts";
import { digestFile } from "../../lib/runtime/file_digest.ts";
import { eventually } from "./condition.ts";
import { processesOf } from "./process_table.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LIMIT_MS = 90_000;

/** ARCHITECTURE section 9: stable, because scripts read it. */
const reportSchema = z.strictObject({
  ok: z.literal(true),
  mesh_ms: z.number().positive(),
  discovery_ms: z.number().positive(),
  job: z.strictObject({
    id: z.string().startsWith("job-"),
    worker: z.string().startsWith("gpu-24gb-"),
    epochs: z.literal(100),
    first_loss: z.number(),
    last_loss: z.number(),
    files: z.array(fileEntrySchema).min(2),
  }),
  reelection_ms: z.number().positive(),
  rtc: z.enum(["native", "werift"]),
});

/** A demo that runs in a folder of its own. */
interface Showing {
  /** Where it was started: what it leaves in sight is here. */
  readonly place: string;
  /** Where it keeps what is to be gone. */
  readonly hidden: string;
  readonly child: Deno.ChildProcess;
}

async function withDemo(
  args: readonly string[],
  body: (showing: Showing) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-e2e-" });
  const place = join(folder, "place");
  const hidden = join(folder, "tmp");
  await Deno.mkdir(place);
  await Deno.mkdir(hidden);
  const script = join(ROOT, "scripts", "demo.ts");
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--config", join(ROOT, "deno.json"), script, ...args],
    cwd: place,
    env: { TMPDIR: hidden, NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  try {
    await body({ place, hidden, child });
  } finally {
    for (const { pid } of processesOf(folder)) Deno.kill(pid, "SIGKILL");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  }
}

async function endOf({ child }: Showing) {
  const late = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(late);
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** No process, and no file but those in `place`, is left. Gives their names. */
async function leftOver({ place, hidden }: Showing): Promise<readonly string[]> {
  await eventually(
    "no process of the demo",
    () => processesOf(hidden).length === 0 ? true : undefined,
    5_000,
  );
  assert.deepEqual([...Deno.readDirSync(hidden)], []);
  return [...Deno.readDirSync(place)].map(({ name }) => name);
}

Deno.test("e2e: the demo on werift: its report holds, and only the named folder is left", () =>
  withDemo(["--json", "--rtc", "werift"], async (showing) => {
    const { code, stdout, stderr } = await endOf(showing);
    assert.equal(code, 0, stderr);
    const report = reportSchema.parse(JSON.parse(stdout));
    assert.equal(report.rtc, "werift");
    assert.ok(report.job.last_loss < report.job.first_loss);
    const way = `Come back to it: sleap-rtc follow ${report.job.id}`;
    assert.ok(stderr.includes(way), `The client was not interrupted: ${stderr}`);
    const [before = "", after = ""] = stderr.split(way);
    assert.match(before, /Epoch 30\/100:/);
    assert.doesNotMatch(before, /Epoch 40|Trained in/);
    assert.match(after, /Epoch 40:.*Epoch 100:.*Trained in/s);
    const [folder, ...more] = await leftOver(showing);
    assert.ok(folder !== undefined && stderr.includes(join(showing.place, folder)), stderr);
    assert.deepEqual(more, []);
    for (const { path, bytes, sha256 } of report.job.files) {
      assert.deepEqual(await digestFile(join(showing.place, folder, path)), { bytes, sha256 });
    }
  }));

Deno.test("e2e: the demo refuses a file that is no package, before it starts anything", () =>
  withDemo([fileURLToPath(import.meta.url), "--json"], async (showing) => {
    const { code, stdout, stderr } = await endOf(showing);
    assert.equal(code, 3);
    assert.equal(JSON.parse(stdout).ok, false);
    assert.match(stderr, /^Error: Expected a SLEAP training package/);
    assert.deepEqual(await leftOver(showing), []);
  }));

for (const moment of ["Step 1", "Full mesh", "Epoch 1/", "kill -9"]) {
  Deno.test(`e2e: Ctrl-C at "${moment}" ends the demo with nothing left but whole results`, () =>
    withDemo([], async (showing) => {
      const { child } = showing;
      let told = "";
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        if (!told.includes(moment) && (told + text).includes(moment)) child.kill("SIGINT");
        told += text;
      }
      const complaint = await new Response(child.stderr).text();
      assert.equal((await child.status).code, 130, told + complaint);
      assert.match(complaint, /Interrupted/);
      const left = await leftOver(showing);
      const saved = told.includes("Saved ");
      assert.equal(left.length, saved ? 1 : 0, left.join());
    }));
}
