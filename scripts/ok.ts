/** The one gate before a commit: every check there is, in order, each with its time. */

import process from "node:process";

/** What is run, as it would be typed after `deno`. The cheapest comes first. */
const STEPS = [
  "fmt --check",
  "lint",
  "check .",
  "task test",
  "task simulate --seeds 1..100",
];

/** Runs one step; its output goes where ours goes. */
async function succeeds(step: string): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: step.split(" "),
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  return success;
}

async function say(line: string): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
}

/** Runs the steps up to the first that fails. Returns the exit code. */
async function passGate(): Promise<number> {
  const start = performance.now();
  const secondsSince = (since: number): string =>
    `${((performance.now() - since) / 1000).toFixed(1)} s`;
  for (const step of STEPS) {
    const stepStart = performance.now();
    const ok = await succeeds(step);
    await say(`${ok ? "ok" : "FAILED"}  deno ${step}  ${secondsSince(stepStart)}`);
    if (!ok) {
      await say(`Stopped: run \`deno ${step}\` again once it is mended, then \`deno task ok\``);
      return 1;
    }
  }
  await say(`ok  everything  ${secondsSince(start)}`);
  return 0;
}

if (import.meta.main) {
  process.chdir(`${import.meta.dirname ?? "."}/..`);
  process.exitCode = await passGate();
}
