/** The identity of an installation: made once, kept from others, able to prove itself. */

import { equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { isSignedBy, ownsPeerId } from "../../lib/protocol/identity.ts";
import {
  IdentityError,
  loadIdentity,
  newRoomSecret,
  temporaryIdentity,
} from "../../lib/runtime/credentials.ts";
import { roomSecretSchema } from "../../lib/protocol/invite.ts";

async function withFolder(check: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await check(join(folder, "home"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an identity is made once and signs for its peer ids", () =>
  withFolder(async (folder) => {
    const first = await loadIdentity(folder);
    const second = await loadIdentity(folder);
    equal(first.publicKey, second.publicKey);
    const bytes = new TextEncoder().encode("hello");
    ok(isSignedBy(first.publicKey, bytes, second.sign(bytes)));
    ok(ownsPeerId(first.publicKey, first.peerIdOf("gpu box 1")));
    match(first.peerIdOf("gpu box 1"), /^gpu-box-1-[a-z2-7]{10}$/);
  }));

Deno.test("processes that start at once agree on one identity", () =>
  withFolder(async (folder) => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadIdentity(folder)));
    equal(new Set(all.map((identity) => identity.publicKey)).size, 1);
    const files = await Array.fromAsync(Deno.readDir(folder), (entry) => entry.name);
    equal(files.join(), "identity.json", "nothing else is left behind");
  }));

Deno.test({
  name: "the file is its owner's alone, and refused where it is not",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      await loadIdentity(folder);
      const path = join(folder, "identity.json");
      equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
      equal(((await Deno.stat(folder)).mode ?? 0) & 0o777, 0o700);
      await Deno.chmod(path, 0o640);
      await rejects(
        loadIdentity(folder),
        (error) =>
          error instanceof IdentityError && error.message.includes(`got mode 640; run: chmod 600`),
      );
    }),
});

Deno.test("a file that is no identity is refused, and none of it repeated", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(folder, { mode: 0o700 });
    const path = join(folder, "identity.json");
    const foreign = JSON.stringify({
      version: 1,
      public_key: temporaryIdentity().publicKey,
      private_key: temporaryIdentity().publicKey,
    });
    for (const text of ["", "hunter2", `{"version":2}`, foreign]) {
      await Deno.writeTextFile(path, text, { mode: 0o600 });
      await rejects(
        loadIdentity(folder),
        (error) => error instanceof IdentityError && !error.message.includes("hunter2"),
        text,
      );
    }
  }));

Deno.test("room secrets differ and have the form of one", () => {
  notEqual(newRoomSecret(), newRoomSecret());
  ok(roomSecretSchema.safeParse(newRoomSecret()).success);
});
