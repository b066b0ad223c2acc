/**
 * The main job from end to end on one machine, with real parts: a signaling server, a room, three
 * workers as processes of their own, a training, the admin killed. Exit status 0 only if all held.
 */

import { EXIT, exitCodeOfInterruption } from "../lib/cli/exit_code.ts";
import { type Io, systemIo } from "../lib/cli/io.ts";
import { inspectPackage, PackageRefused } from "../lib/runtime/training_package.ts";
import { Demonstration } from "./demo/demonstration.ts";
import { type DemoRequest, readRequest, USAGE } from "./demo/request.ts";

/** Shows it, in a folder that is gone afterwards. */
async function show(request: DemoRequest, io: Io): Promise<void> {
  // Before anything is started: can this file be trained on at all?
  if (request.file !== undefined) await inspectPackage(request.file);
  const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-demo-" });
  try {
    const report = await new Demonstration(request, folder, io).run();
    if (request.json) io.out(JSON.stringify(report));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function main(args: readonly string[], io: Io): Promise<number> {
  let request: DemoRequest | undefined;
  try {
    request = readRequest(args);
  } catch (error) {
    io.err(`Error: ${error instanceof Error ? error.message : String(error)}`);
    io.err("See `deno task demo --help`");
    return EXIT.usage;
  }
  if (request === undefined) {
    io.out(USAGE);
    return EXIT.ok;
  }
  const interruption = io.interruption();
  try {
    await show(request, io);
    return EXIT.ok;
  } catch (error) {
    if (interruption.aborted) {
      io.err("\nInterrupted: every process is ended, every temporary file removed");
      return exitCodeOfInterruption(interruption);
    }
    const reason = error instanceof Error ? error.message : String(error);
    io.err(`Error: ${reason}`);
    if (request.json) io.out(JSON.stringify({ ok: false, error: reason }));
    return error instanceof PackageRefused ? EXIT.badInput : EXIT.jobFailed;
  }
}

Deno.exit(await main(Deno.args, systemIo()));
