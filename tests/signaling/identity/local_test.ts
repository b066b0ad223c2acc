import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { SignJWT } from "jose";
import { DAY_MS } from "../../../lib/base/time.ts";
import { LocalIdentity } from "../../../signaling/identity/local.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("identity local: who signs in is recognised, also after a restart, until it expires", () =>
  inFolder(async (folder) => {
    let wallMs = Date.UTC(2026, 0, 1);
    const clock = { now: () => 0, wallMs: () => wallMs };
    const first = await LocalIdentity.open(folder, clock, randomBytes);
    const { id_token, username } = await first.anonymousSignIn();
    const other = await first.anonymousSignIn();
    assert.notEqual(other.username, username);
    const second = await LocalIdentity.open(folder, clock, randomBytes);
    assert.deepEqual(await second.verify(id_token), { ok: true, subject: username });
    wallMs += 31 * DAY_MS;
    assert.equal((await second.verify(id_token)).ok, false);
  }));

Deno.test("identity local: tokens of others are refused", () =>
  inFolder(async (folder) => {
    const clock = { now: () => 0, wallMs: () => Date.UTC(2026, 0, 1) };
    const identity = await LocalIdentity.open(folder, clock, randomBytes);
    const { id_token, username } = await identity.anonymousSignIn();
    const [head, body, signature] = id_token.split(".");
    const claims = { iss: "sleap-rtc", aud: "sleap-rtc", sub: username, exp: 4_000_000_000 };
    const symmetric = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" })
      .sign(new Uint8Array(32));
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const elsewhere = await Deno.makeTempDir();
    const stranger = await LocalIdentity.open(elsewhere, clock, randomBytes);
    await Deno.remove(elsewhere, { recursive: true });
    const forged = [
      "",
      "a.b.c",
      symmetric,
      `${none}.${body}.`,
      `${head}.${body}.${signature?.replace(/^./, (first) => first === "A" ? "B" : "A")}`,
      (await stranger.anonymousSignIn()).id_token,
    ];
    for (const token of forged) assert.equal((await identity.verify(token)).ok, false, token);
  }));

Deno.test("identity local: the key is for its owner alone, and a spoilt one is reported unquoted", () =>
  inFolder(async (folder) => {
    const clock = { now: () => 0, wallMs: () => 0 };
    await LocalIdentity.open(folder, clock, randomBytes);
    const path = join(folder, "identity_key.json");
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await Deno.writeTextFile(path, "secret rubbish");
    await assert.rejects(
      LocalIdentity.open(folder, clock, randomBytes),
      (error) =>
        error instanceof Error && /private Ed25519 JWK/.test(error.message) &&
        !error.message.includes("rubbish"),
    );
  }));
