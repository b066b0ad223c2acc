/** The sign-ins of an installation: which one is shown where, and for how long. */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { join } from "node:path";
import { IdentityError, loadIdentity } from "../../lib/runtime/credentials.ts";
import { keepSignIn, loadSignIns, signInAt } from "../../lib/runtime/sign_in.ts";
import { withFolder } from "./condition.ts";

const [LAB, HOME] = ["https://lab.example.org", "http://127.0.0.1:8080"];
const NOW_SECONDS = 1_790_000_000;

/** A token that ends at that second. */
function token(exp: unknown, name = "x"): string {
  return `e30.${btoa(JSON.stringify({ exp, sub: name })).replace(/=+$/, "")}.c2ln`;
}

Deno.test("sign-ins: each server is shown its own, the latest, until a minute before its end", () =>
  withFolder(async (folder) => {
    deepEqual(await loadSignIns(folder), []);
    const tokens = [token(NOW_SECONDS + 900, "a"), token(NOW_SECONDS + 3_600, "b")] as const;
    for (const each of tokens) await keepSignIn(folder, LAB, each);
    await keepSignIn(folder, HOME, token(NOW_SECONDS + 120));
    const kept = await loadSignIns(folder);
    equal(kept.length, 2, "one a server");
    const shown = (server: string, afterSeconds: number) =>
      signInAt(kept, server, (NOW_SECONDS + afterSeconds) * 1_000)?.id_token;
    equal(shown(LAB, 0), tokens[1]);
    equal(shown(LAB, 3_539), tokens[1]);
    equal(shown(LAB, 3_540), undefined);
    equal(shown(HOME, 61), undefined);
    equal(shown("https://elsewhere.example.org", 0), undefined);
    if (Deno.build.os === "windows") return;
    equal(((await Deno.stat(join(folder, "sign_ins.json"))).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("sign-ins: a token that does not say when it ends is not kept", () =>
  withFolder(async (folder) => {
    for (const odd of ["secret", "a.b.c", "a..c", "e30.e30.x", token("soon"), token(undefined)]) {
      await keepSignIn(folder, LAB, odd);
    }
    deepEqual(await loadSignIns(folder), []);
  }));

Deno.test("sign-ins: of very many servers the latest are remembered", () =>
  withFolder(async (folder) => {
    for (let index = 0; index < 40; index++) {
      await keepSignIn(folder, `${LAB}:${index}`, token(NOW_SECONDS));
    }
    const kept = await loadSignIns(folder);
    deepEqual([kept.length, kept[0]?.server, kept.at(-1)?.server], [32, `${LAB}:8`, `${LAB}:39`]);
  }));

Deno.test("sign-ins: a file that is none of ours is refused, with what to do", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "sign_ins.json"), "hunter2");
    await rejects(
      loadIdentity(folder),
      (error) =>
        error instanceof IdentityError && /remove the file$/.test(error.message) &&
        !error.message.includes("hunter2"),
    );
  }));
