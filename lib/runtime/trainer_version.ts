/** Which version of sleap-nn stands behind a program, by what its installer wrote. Runs nothing. */

import { realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Where Python keeps packages, below the folder that has `bin` or `Scripts`. */
const LIBRARIES = ["lib", "Lib", "lib64"];
const PACKAGE = /^sleap_nn-(\d[0-9A-Za-z.+!-]{0,60})\.dist-info$/;

/**
 * The version of the package `sleap-nn` of the environment that the program at `path` belongs to, as
 * the folder of its metadata is called (Python Packaging, "Recording installed projects"); undefined
 * where none is found. To ask the program itself takes Python ten seconds and imports all of PyTorch.
 */
export async function sleapNnVersion(path: string): Promise<string | undefined> {
  const environment = dirname(dirname(await realpath(path)));
  for (const library of LIBRARIES) {
    const folder = join(environment, library);
    const pythons = (await namesIn(folder)).filter((name) => /^python3\.\d+$/.test(name));
    for (const packages of [folder, ...pythons.map((name) => join(folder, name))]) {
      for (const name of await namesIn(join(packages, "site-packages"))) {
        const version = PACKAGE.exec(name)?.[1];
        if (version !== undefined) return version;
      }
    }
  }
  return undefined;
}

/** The names in `folder`; none where it is not there or not ours to read. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    if (error instanceof Deno.errors.NotADirectory) return [];
    if (error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}
