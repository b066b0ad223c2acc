/** Drivers that are none: a library in C that this machine's compiler makes, and a shell script. */

import { join } from "node:path";

/** Whether a library can be made here, and why not. */
export const COMPILER = await findCompiler();

async function findCompiler(): Promise<string | undefined> {
  for (const name of ["cc", "gcc"]) {
    try {
      const { success } = await new Deno.Command(name, {
        args: ["--version"],
        stdout: "null",
        stderr: "null",
      }).output();
      if (success && Deno.build.os === "linux") return name;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** Ends the name of a test that needs the library: a skipped one says why. */
export const NEEDS_COMPILER = COMPILER === undefined
  ? " (skipped: no C compiler on Linux here)"
  : "";

/** Compiles the library into `folder` and gives its path. */
export async function stubLibrary(folder: string): Promise<string> {
  const path = join(folder, "libnvidia-ml.so.1");
  const source = join(import.meta.dirname ?? ".", "stub_nvml.c");
  const { success, stderr } = await new Deno.Command(COMPILER ?? "cc", {
    args: ["-shared", "-fPIC", "-o", path, source],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return path;
}

/** Writes `nvidia-smi` as a script of those lines into `folder` and gives its path. */
export async function stubSmi(folder: string, lines: string): Promise<string> {
  const path = join(folder, "nvidia-smi");
  await Deno.writeTextFile(path, `#!/bin/sh\n${lines}\n`, { mode: 0o755 });
  await Deno.chmod(path, 0o755);
  return path;
}

/** Answers both questions: with a line for each GPU, and one for each process. */
export function smiAnswers(gpus: readonly string[], processes: readonly string[] = []): string {
  const say = (lines: readonly string[]) => lines.map((line) => `echo '${line}'`).join("\n");
  return `case "$*" in\n*query-gpu*)\n:\n${say(gpus)};;\n*)\n:\n${say(processes)};;\nesac`;
}

/** Runs `body` with variables for the library, and takes them away again. */
export async function withVariables(
  variables: Readonly<Record<string, string>>,
  body: () => Promise<void>,
): Promise<void> {
  for (const [name, value] of Object.entries(variables)) Deno.env.set(`STUB_NVML_${name}`, value);
  try {
    await body();
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(`STUB_NVML_${name}`);
  }
}
