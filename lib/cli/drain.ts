/** The command `drain`: has a worker of this machine take no more jobs, until told otherwise. */

import { join } from "node:path";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { Mistake } from "./mistake.ts";
import { slotPlace } from "./worker_setup.ts";

const parser = object("Drain", {
  name: optional(option("--name", string({ metavar: "NAME" }), {
    description: message`The worker's name, as it was given to it (by default this machine's)`,
  })),
  folder: optional(option("--folder", path({ metavar: "FOLDER", type: "directory" }), {
    description: message`The worker's folder, as it was given to it`,
  })),
  gpu: optional(option("--gpu", integer({ min: 0, max: 63, metavar: "N" }), {
    description: message`The worker's GPU, as it was given to it`,
  })),
  reason: withDefault(
    option("--reason", string({ metavar: "TEXT" }), {
      description: message`What those are told whose jobs are refused meanwhile`,
    }),
    "The worker is to be maintained",
  ),
  end: withDefault(
    flag("--end", { description: message`It is over: the worker takes jobs again` }),
    false,
  ),
});

/** `sleap-rtc drain`. */
export const drainCommand = defineCommand({
  name: "drain",
  purpose: "Have a worker of this machine take no more jobs",
  examples: [
    "sleap-rtc drain --reason 'A new driver on Friday'",
    "sleap-rtc drain --end",
    "sleap-rtc drain --gpu 1",
  ],
  exits: [],
  parser,
  async run(given, io) {
    const { installationFolder, loadConfig } = await import("../runtime/config.ts");
    const { loadIdentity } = await import("../runtime/credentials.ts");
    const { MAINTENANCE_REASON_MAX, MaintenanceNote } = await import(
      "../runtime/maintenance_note.ts"
    );
    const { name, folder, reason } = given;
    if (reason.trim() === "" || reason.length > MAINTENANCE_REASON_MAX) {
      throw new Mistake(
        `Expected --reason of 1 to ${MAINTENANCE_REASON_MAX} characters, got ${reason.length}`,
      );
    }
    const config = await loadConfig({
      ...(name === undefined ? {} : { "worker.name": { value: name, from: "--name" } }),
      ...(folder === undefined ? {} : { "worker.folder": { value: folder, from: "--folder" } }),
    }, io.env);
    const place = slotPlace(given.gpu, config);
    const home = installationFolder(io.env);
    const peerId = (await loadIdentity(home)).peerIdOf(place.name);
    const at = place.folder ?? join(home, "workers", peerId);
    const note = new MaintenanceNote(at);
    try {
      await Deno.stat(at);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new Mistake(
        `Expected a worker's folder at ${at}, got none; give --name, --gpu or --folder as that worker has it`,
        { cause },
      );
    }
    if (given.end) {
      await note.remove();
      io.out(`The worker of ${at} takes jobs again`);
    } else {
      await note.write(reason);
      io.out(
        `The worker of ${at} takes no more jobs; a running one comes to its end. Take it back with --end`,
      );
    }
    return EXIT.ok;
  },
});
