/** The command `worker`: offers this machine's GPU to a room until it is asked to stop. */

import { join } from "node:path";
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { multiple, optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { SECOND_MS } from "../base/time.ts";
import type { Layer } from "../runtime/config.ts";
import type { GpuSource } from "../runtime/gpu/gpu.ts";
import type { Leaving } from "../runtime/worker.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { logOptions, openLog } from "./log_option.ts";
import { Mistake } from "./mistake.ts";
import { mapOption, mapsOf, mountOption, mountsOf } from "./mount_option.ts";
import { type RoomFlags, roomLayer, roomOptions } from "./room_option.ts";
import { rtcLayer, rtcOption } from "./rtc_option.ts";
import { gpuSetup, openMounts, runnerSetup, slotPlace } from "./worker_setup.ts";

const parser = merge(
  object("Worker", {
    name: optional(option("--name", string({ metavar: "NAME" }), {
      description:
        message`What people call this worker (by default this machine's name, with -gpuN for --gpu N)`,
    })),
    folder: optional(option("--folder", path({ metavar: "FOLDER", type: "directory" }), {
      description: message`Where state and jobs are kept (by default ~/.sleap-rtc/workers/NAME)`,
    })),
    gpu: optional(option("--gpu", integer({ min: 0, max: 63, metavar: "N" }), {
      description: message`Which GPU jobs use, as nvidia-smi counts them (by default the first)`,
    })),
    gpuMemory: optional(option("--gpu-memory", integer({ min: 0, metavar: "MB" }), {
      description: message`GPU memory to state, without asking the driver (0 for no GPU)`,
    })),
    gpuModel: optional(option("--gpu-model", string({ metavar: "MODEL" }), {
      description: message`GPU model to state (by default as the driver tells)`,
    })),
    tags: multiple(option("--tag", string({ metavar: "TAG" }), {
      description: message`A word to be found by; may be repeated`,
    })),
    runners: multiple(option("--runner", choice(["sleap-nn", "demo"], { metavar: "RUNNER" }), {
      description:
        message`What may train here; may be repeated (by default sleap-nn; demo is for trying things out)`,
    })),
    sleapNn: optional(option("--sleap-nn", path({ metavar: "PATH", type: "file" }), {
      description: message`The sleap-nn program by absolute path (by default found on PATH)`,
    })),
    mounts: mountOption,
    maps: mapOption,
    cacheMax: optional(option("--cache-max", integer({ min: 0, max: 100_000, metavar: "GB" }), {
      description:
        message`Inputs to keep so that they need not be sent again (20 if left out, 0 for none)`,
    })),
    inputsMax: optional(option("--inputs-max", integer({ min: 1, max: 100_000, metavar: "GB" }), {
      description:
        message`Most that the files sent for one job may have (what the disk takes if left out)`,
    })),
    drainTimeout: optional(
      option("--drain-timeout", integer({ min: 0, max: 604_800, metavar: "SECONDS" }), {
        description:
          message`How long a running job may go on after SIGTERM or Ctrl-C before it is ended (by default until its own end; a second signal ends it)`,
      }),
    ),
    leaveJobs: withDefault(
      flag("--leave-jobs", {
        description:
          message`On SIGTERM or Ctrl-C leave at once and let a running job go on; the worker takes it up when it is started again`,
      }),
      false,
    ),
    rtc: rtcOption,
    json: withDefault(
      flag("--json", { description: message`Print the ready line as a JSON object` }),
      false,
    ),
  }),
  roomOptions,
  logOptions,
);

/** `sleap-rtc worker`. */
export const workerCommand = defineCommand({
  name: "worker",
  purpose: "Offer this machine's GPU to a room",
  examples: [
    "SLEAP_RTC_INVITE=… sleap-rtc worker",
    "sleap-rtc worker --invite-file lab.invite --name gpu-box --tag a5000",
    "sleap-rtc worker --runner demo --gpu-memory 8000 --json",
    "sleap-rtc worker --gpu 1 --drain-timeout 3600",
    "sleap-rtc worker --leave-jobs",
    "sleap-rtc worker --mount lab=/mnt/lab --map /home/ann/videos=lab:videos",
  ],
  exits: ["serverUnreachable", "refused", "protocol"],
  parser,
  async run(given, io) {
    const { installationFolder, loadConfig, roomAccessOf } = await import("../runtime/config.ts");
    const { loadIdentity } = await import("../runtime/credentials.ts");
    const flags = { ...await roomLayer(given, io), ...rtcLayer(given.rtc), ...workerLayer(given) };
    const config = await loadConfig(flags, io.env);
    const room = roomAccessOf(config);
    const home = installationFolder(io.env);
    const identity = await loadIdentity(home);
    const { name, folder } = slotPlace(given.gpu, config);
    const peerId = identity.peerIdOf(name);
    const leaving = leavingOf(given);
    const setup = await runnerSetup(given.runners, config, io.env);
    const mounts = await openMounts(config);
    const { runWorker } = await import("../runtime/worker.ts");
    const { log, stop } = await openLog(given, io, "info");
    let source: GpuSource | undefined;
    try {
      const note = (sentence: string) => log.write("info", sentence);
      const gpu = await gpuSetup(given.gpu, config, { env: io.env, note });
      source = gpu.gpuSlot?.source;
      await runWorker({
        room,
        identity,
        rtc: config.get("rtc")?.value ?? "auto",
        name,
        folder: folder ?? join(home, "workers", peerId),
        ...gpu,
        tags: config.get("worker.tags")?.value ?? [],
        ...setup,
        mounts,
        maps: config.get("maps")?.value ?? [],
        iceServers: config.get("ice_servers")?.value ?? [],
        ...(given.cacheMax === undefined ? {} : { cacheBytesMax: given.cacheMax * 1e9 }),
        inputsBytesMax: given.inputsMax === undefined ? undefined : given.inputsMax * 1e9,
        leaving,
        ready: (facts: ReadyFacts) => tellReady(facts, given.json, io),
        log,
        signal: io.interruption(),
        insistence: io.insistence(),
      });
      return EXIT.ok;
    } finally {
      await source?.close();
      stop();
    }
  },
});

/** @throws {Mistake} Where both are asked for. */
function leavingOf({ leaveJobs, drainTimeout }: {
  readonly leaveJobs: boolean;
  readonly drainTimeout: number | undefined;
}): Leaving {
  if (!leaveJobs) return { job: "ends", drainMs: (drainTimeout ?? Infinity) * SECOND_MS };
  if (drainTimeout === undefined) return { job: "stays" };
  throw new Mistake(
    "Expected --leave-jobs or --drain-timeout, got both: a job is left or waited for; give one",
  );
}

/** What a worker says once it is in its room. */
interface ReadyFacts {
  readonly peer_id: string;
  readonly room_id: string;
  readonly rtc: string;
}

function tellReady(facts: ReadyFacts, isJson: boolean, io: Io): void {
  if (isJson) io.out(JSON.stringify({ event: "ready", ...facts }));
  else io.out(`Worker ${facts.peer_id} ready in room ${facts.room_id} (${facts.rtc})`);
}

function workerLayer(
  given: RoomFlags & {
    readonly name: string | undefined;
    readonly folder: string | undefined;
    readonly gpuMemory: number | undefined;
    readonly gpuModel: string | undefined;
    readonly sleapNn: string | undefined;
    readonly tags: readonly string[];
    readonly mounts: readonly string[];
    readonly maps: readonly string[];
  },
): Layer {
  const { name, folder, gpuMemory, gpuModel, sleapNn, tags } = given;
  const [mounts, maps] = [mountsOf(given.mounts), mapsOf(given.maps)];
  return {
    ...(name === undefined ? {} : { "worker.name": { value: name, from: "--name" } }),
    ...(folder === undefined ? {} : { "worker.folder": { value: folder, from: "--folder" } }),
    ...(gpuMemory === undefined
      ? {}
      : { "worker.gpu_memory_mb": { value: gpuMemory, from: "--gpu-memory" } }),
    ...(gpuModel === undefined
      ? {}
      : { "worker.gpu_model": { value: gpuModel, from: "--gpu-model" } }),
    ...(sleapNn === undefined ? {} : { "worker.sleap_nn": { value: sleapNn, from: "--sleap-nn" } }),
    ...(mounts.length === 0 ? {} : { "worker.mounts": { value: mounts, from: "--mount" } }),
    ...(maps.length === 0 ? {} : { maps: { value: maps, from: "--map" } }),
    ...(tags.length === 0 ? {} : { "worker.tags": { value: [...tags], from: "--tag" } }),
  };
}
