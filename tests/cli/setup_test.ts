/** What commands gather before they start: secrets, programs, specifications. */

import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { Mistake } from "../../lib/cli/mistake.ts";
import { type RoomFlags, roomLayer } from "../../lib/cli/room_option.ts";
import { gpuSetup, runnerSetup, slotPlace } from "../../lib/cli/worker_setup.ts";
import { PEER_NAME_LENGTH_MAX } from "../../lib/protocol/identity.ts";
import { Config } from "../../lib/runtime/config.ts";
import { findExecutable } from "../../lib/runtime/executable.ts";
import { selfCommand } from "../../lib/runtime/self_command.ts";
import { smiAnswers, stubSmi } from "../runtime/gpu/stub_driver.ts";
import { fakeIo } from "./fake_io.ts";

const NO_FLAGS: RoomFlags = {
  server: undefined,
  inviteFile: undefined,
  roomId: undefined,
  tokenFile: undefined,
  secretFile: undefined,
};

async function withFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await check(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function isMistake(exitCode: number, message: RegExp) {
  return (error: unknown) => {
    if (!(error instanceof Mistake)) return false;
    match(error.message, message);
    return error.exitCode === exitCode;
  };
}

Deno.test("secrets come from files or the standard input, and the source is remembered", () =>
  withFolder(async (folder) => {
    const file = join(folder, "token");
    await Deno.writeTextFile(file, " abc \n");
    const flags = { ...NO_FLAGS, tokenFile: file, secretFile: "-", server: "http://x:1" };
    deepEqual(await roomLayer(flags, fakeIo({ stdin: "def\n" })), {
      server: { value: "http://x:1", from: "--server" },
      token: { value: "abc", from: `--token-file ${file}` },
      secret: { value: "def", from: "--secret-file -" },
    });
  }));

Deno.test("secret files that are missing, empty, too large or doubled are refused", () =>
  withFolder(async (folder) => {
    const large = join(folder, "large");
    await Deno.writeTextFile(large, "x".repeat(10_000));
    const cases: [Partial<RoomFlags>, RegExp][] = [
      [{ inviteFile: join(folder, "none") }, /readable file at .*from --invite-file/],
      [{ tokenFile: large }, /one secret in .*too large/],
      [{ tokenFile: "-" }, /Expected a secret in - \(from --token-file\), got nothing/],
      [{ tokenFile: "-", secretFile: "-" }, /at most one secret on the standard input/],
    ];
    for (const [flags, message] of cases) {
      await rejects(roomLayer({ ...NO_FLAGS, ...flags }, fakeIo()), isMistake(2, message));
    }
  }));

Deno.test({
  name: "programs are found on PATH if they can be run",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const program = join(folder, "sleap-nn");
      await Deno.writeTextFile(program, "#!/bin/sh\n", { mode: 0o644 });
      const env = (name: string) => name === "PATH" ? `/no-such:relative:${folder}` : undefined;
      equal(await findExecutable("sleap-nn", env), undefined);
      const empty = new Config([]);
      await rejects(runnerSetup([], empty, env), isMistake(2, /try things out with --runner demo/));
      deepEqual(await runnerSetup(["demo"], empty, env), {
        runners: ["demo"],
        executables: {},
        sleapNnVersion: undefined,
      });

      await Deno.chmod(program, 0o755);
      deepEqual(await runnerSetup([], empty, env), {
        runners: ["sleap-nn"],
        executables: { sleapNn: program },
        sleapNnVersion: undefined,
      });
      const configured = new Config([
        { "worker.sleap_nn": { value: "relative/sleap-nn", from: "--sleap-nn" } },
      ]);
      await rejects(
        runnerSetup(["sleap-nn", "demo"], configured, env),
        isMistake(2, /absolute path .*relative\/sleap-nn \(from --sleap-nn\)/),
      );
    }),
});

Deno.test("this program can start itself", async () => {
  const { executable, leading } = selfCommand();
  const { success, stdout } = await new Deno.Command(executable, {
    args: [...leading, "--version"],
    stderr: "null",
  }).output();
  equal(success, true);
  match(new TextDecoder().decode(stdout), /^\d+\.\d+\.\d+\n$/);
});

Deno.test("a GPU that is described by settings is not asked for", async () => {
  const config = new Config([{
    "worker.gpu_memory_mb": { value: 8_000, from: "--gpu-memory" },
    "worker.gpu_model": { value: "A5000", from: "--gpu-model" },
  }]);
  const notes: string[] = [];
  const machine = { env: () => "/no-such", note: (sentence: string) => void notes.push(sentence) };
  deepEqual(await gpuSetup(undefined, config, machine), {
    gpuMemoryMb: 8_000,
    gpuModel: "A5000",
    gpuSlot: undefined,
  });
  deepEqual(notes, []);
});

Deno.test({
  name: "a machine without a GPU says so and works; one that fails is refused",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const notes: string[] = [];
      const machine = (variables: Readonly<Record<string, string>> = {}) => ({
        libraries: [],
        smiFolders: [folder],
        env: (name: string) => variables[name],
        note: (sentence: string) => void notes.push(sentence),
      });
      const none = { gpuMemoryMb: 0, gpuModel: undefined, gpuSlot: undefined };
      const empty = new Config([]);
      deepEqual(await gpuSetup(undefined, empty, machine()), none);
      match(notes.join(), /^No GPU: .*There is no program nvidia-smi$/);
      await rejects(
        gpuSetup(0, empty, machine()),
        isMistake(2, /tell of GPU 0, got: .*give --gpu-memory MB instead of --gpu/),
      );

      const t4 = "1, GPU-b, 550.1, 15360, 100, 15260, 0, Tesla T4";
      await stubSmi(folder, smiAnswers(["0, GPU-a, 550.1, [GPU is lost], 0, 0, 0, T4", t4]));
      await rejects(
        gpuSetup(undefined, empty, machine()),
        isMistake(2, /GPU 0 to work, got: .*lost/),
      );
      const { gpuMemoryMb, gpuModel, gpuSlot } = await gpuSetup(1, empty, machine());
      deepEqual([gpuMemoryMb, gpuModel, gpuSlot?.gpu.uuid], [15_360, "Tesla T4", "GPU-b"]);
      const stated = new Config([{ "worker.gpu_memory_mb": { value: 9, from: "--gpu-memory" } }]);
      equal((await gpuSetup(1, stated, machine())).gpuMemoryMb, 9);
      notes.length = 0;
      deepEqual(await gpuSetup(undefined, empty, machine({ CUDA_VISIBLE_DEVICES: "" })), none);
      deepEqual(notes, ["No GPU: CUDA_VISIBLE_DEVICES= shows none of 2"]);
      // A slice that the driver's list does not show is a GPU all the same, and not 0 MB.
      const slice = machine({ CUDA_VISIBLE_DEVICES: "MIG-41b8-0" });
      const isSlice = isMistake(
        2,
        /a slice of one in CUDA_VISIBLE_DEVICES=MIG-41b8-0; .*--gpu-mem/,
      );
      for (const index of [undefined, 1]) await rejects(gpuSetup(index, empty, slice), isSlice);
      equal((await gpuSetup(undefined, stated, slice)).gpuMemoryMb, 9);
    }),
});

const host = Deno.hostname();
const places: [string, number | undefined, Record<string, [string, string]>, object][] = [
  ["nothing is named", undefined, {}, { name: host }],
  ["a GPU is chosen", 1, {}, { name: `${host}-gpu1` }],
  ["the settings name it", 1, {
    "worker.name": ["box", "sleap-rtc.toml"],
    "worker.folder": ["/srv/box", "sleap-rtc.toml"],
  }, { name: "box-gpu1", folder: "/srv/box/gpu1" }],
  ["the settings name it, and no GPU is chosen", undefined, {
    "worker.name": ["box", "sleap-rtc.toml"],
    "worker.folder": ["/srv/box", "sleap-rtc.toml"],
  }, { name: "box", folder: "/srv/box" }],
  ["the command line names it", 0, {
    "worker.name": ["box", "--name"],
    "worker.folder": ["/srv/box", "--folder"],
  }, { name: "box", folder: "/srv/box" }],
  ["its name is very long", 7, { "worker.name": ["x".repeat(40), "sleap-rtc.toml"] }, {
    name: `${"x".repeat(PEER_NAME_LENGTH_MAX - 5)}-gpu7`,
  }],
];
for (const [what, index, settings, expected] of places) {
  Deno.test(`workers of one machine have places of their own: ${what}`, () => {
    const layer = Object.fromEntries(
      Object.entries(settings).map(([key, [value, from]]) => [key, { value, from }]),
    );
    deepEqual(slotPlace(index, new Config([layer])), expected);
  });
}
