import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { DAY_MS, SECOND_MS } from "../../../lib/base/time.ts";
import { LocalIdentity } from "../../../signaling/identity/local.ts";
import { testIdentity } from "../../contract/identity_contract.ts";

const START = Date.UTC(2026, 0, 1);

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

testIdentity("local", async () => {
  const folder = await Deno.makeTempDir();
  const time = { wallMs: START };
  return {
    identity: await LocalIdentity.open(folder, { wallMs: () => time.wallMs }, randomBytes),
    time,
    dispose: () => Deno.remove(folder, { recursive: true }),
  };
});

Deno.test("identity local: who signs in is recognised after a restart, and by no other server", () =>
  inFolder(async (folder) => {
    const clock = { wallMs: () => START };
    const first = await LocalIdentity.open(folder, clock, randomBytes);
    const { id_token, username } = await first.anonymousSignIn();
    const second = await LocalIdentity.open(folder, clock, randomBytes);
    assert.deepEqual(await second.verify(id_token), { ok: true, subject: username });
    await inFolder(async (elsewhere) => {
      const stranger = await LocalIdentity.open(elsewhere, clock, randomBytes);
      assert.equal((await stranger.verify(id_token)).ok, false);
    });
  }));

Deno.test("identity local: the key is replaced by age, and old sign-ins last as long as they would have", () =>
  inFolder(async (folder) => {
    let wallMs = START;
    const clock = { wallMs: () => wallMs };
    const keyName = async () =>
      JSON.parse(await Deno.readTextFile(join(folder, "identity_key.json"))).current.kid;
    const identity = await LocalIdentity.open(folder, clock, randomBytes);
    const firstKey = await keyName();
    wallMs = START + 30 * DAY_MS - SECOND_MS;
    const old = await identity.anonymousSignIn();
    assert.equal(await keyName(), firstKey);
    wallMs = START + 30 * DAY_MS;
    const [young, other] = await Promise.all([
      identity.anonymousSignIn(),
      identity.anonymousSignIn(),
    ]);
    const secondKey = await keyName();
    assert.notEqual(secondKey, firstKey);
    const text = await Deno.readTextFile(join(folder, "identity_key.json"));
    assert.equal(JSON.parse(text).retired.length, 1, "two at once make one key");
    assert.equal(text.match(/"d":/g)?.length, 1, "what signs no more keeps no secret");

    const restarted = await LocalIdentity.open(folder, clock, randomBytes);
    for (const each of [identity, restarted]) {
      for (const signIn of [old, young, other]) {
        const verdict = await each.verify(signIn.id_token);
        assert.deepEqual(verdict, { ok: true, subject: signIn.username });
      }
    }
    wallMs = START + 60 * DAY_MS;
    assert.equal((await restarted.verify(old.id_token)).ok, false);
    await restarted.anonymousSignIn();
    await restarted.rotate();
    const ring = JSON.parse(await Deno.readTextFile(join(folder, "identity_key.json")));
    const names = ring.retired.map((key: { kid: string }) => key.kid);
    assert.equal(names.includes(firstKey), false, "its last token has expired");
    assert.equal(names.includes(secondKey), true);
  }));

Deno.test("identity local: a rotation that cannot be written leaves the old key at work", () =>
  inFolder(async (folder) => {
    const clock = { wallMs: () => START };
    const identity = await LocalIdentity.open(folder, clock, randomBytes);
    await Deno.mkdir(join(folder, "identity_key.json.new"));
    await assert.rejects(identity.rotate());
    const { id_token } = await identity.anonymousSignIn();
    const restarted = await LocalIdentity.open(folder, clock, randomBytes);
    assert.equal((await restarted.verify(id_token)).ok, true);
  }));

Deno.test("identity local: the key is for its owner alone, and a spoilt one is reported unquoted", () =>
  inFolder(async (folder) => {
    const clock = { wallMs: () => 0 };
    const identity = await LocalIdentity.open(folder, clock, randomBytes);
    const path = join(folder, "identity_key.json");
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await identity.rotate();
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    await Deno.writeTextFile(path, "secret rubbish");
    await assert.rejects(
      LocalIdentity.open(folder, clock, randomBytes),
      (error) =>
        error instanceof Error && /private Ed25519 keys/.test(error.message) &&
        !error.message.includes("rubbish"),
    );
  }));
