import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { type Log, SILENT_LOG } from "../../../lib/base/log.ts";
import { CognitoIdentity } from "../../../signaling/identity/cognito.ts";
import { IdentityUnavailable } from "../../../signaling/identity/identity.ts";
import { testIdentity } from "../../contract/identity_contract.ts";
import { startCognito } from "./cognito_stand_in.ts";

testIdentity("cognito", async () => {
  const { stop, ...pool } = await startCognito();
  const time = { wallMs: Date.now() };
  const clock = { now: () => 0, wallMs: () => time.wallMs };
  const identity = new CognitoIdentity(pool, { clock, randomBytes, log: SILENT_LOG });
  return { identity, time, dispose: stop };
});

Deno.test("identity cognito: users are made in the pool, and deleted when they are forgotten", async () => {
  const pool = await startCognito();
  const clock = { now: () => 0, wallMs: () => Date.now() };
  const identity = new CognitoIdentity(pool, { clock, randomBytes, log: SILENT_LOG });
  try {
    const ann = await identity.anonymousSignIn();
    const bob = await identity.anonymousSignIn();
    assert.deepEqual(await pool.usernames(), [ann.username, bob.username].sort());
    const verdict = await identity.verify(ann.id_token);
    assert(verdict.ok);
    assert.notEqual(verdict.subject, ann.username, "a name can be given again, a subject cannot");
    await identity.forget(verdict.subject);
    await pool.addPerson("anna.rossi");
    await identity.keep("anna.rossi");
    await identity.forget("anna.rossi");
    assert.deepEqual(await pool.usernames(), ["anna.rossi", bob.username], "people stay");

    const elsewhere = new CognitoIdentity({ ...pool, clientId: "another" }, {
      clock,
      randomBytes,
      log: SILENT_LOG,
    });
    const stranger = await elsewhere.verify(bob.id_token);
    assert(!stranger.ok);
    assert.match(stranger.reason, /aud/);
    await assert.rejects(elsewhere.anonymousSignIn(), IdentityUnavailable);
    await elsewhere.close();
  } finally {
    await identity.close();
    await pool.stop();
  }
});

/** A provider of our own that signs whatever it is asked to. */
async function startProvider() {
  const pair = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...await exportJWK(pair.publicKey), kid: "k1", alg: "RS256", use: "sig" };
  let isUp = true;
  let asked = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    asked++;
    if (!isUp) return new Response("busy", { status: 503 });
    return new URL(request.url).pathname === "/pool/.well-known/jwks.json"
      ? Response.json({ keys: [jwk] })
      : Response.json({ __type: "InternalErrorException" }, { status: 500 });
  });
  const endpoint = `http://127.0.0.1:${server.addr.port}`;
  const nowSeconds = Math.floor(Date.now() / 1_000);
  return {
    endpoint,
    asked: () => asked,
    goDown: () => void (isUp = false),
    comeBack: () => void (isUp = true),
    sign: (changes: Record<string, unknown> = {}, header: { kid?: string; alg?: string } = {}) =>
      new SignJWT({
        iss: `${endpoint}/pool`,
        aud: "app",
        sub: "ann",
        token_use: "id",
        exp: nowSeconds + 3_600,
        ...changes,
      }).setProtectedHeader({ alg: "RS256", kid: "k1", ...header }).sign(pair.privateKey),
    stop: () => server.shutdown(),
  };
}

function identityAt(endpoint: string, log: Log = SILENT_LOG): CognitoIdentity {
  const clock = { now: () => 0, wallMs: () => Date.now() };
  const options = { region: "eu-west-1", userPoolId: "pool", clientId: "app", endpoint };
  return new CognitoIdentity(options, { clock, randomBytes, log });
}

Deno.test("identity cognito: issuer, audience, use, expiry, key and algorithm are all checked", async () => {
  const provider = await startProvider();
  const identity = identityAt(provider.endpoint);
  try {
    assert.deepEqual(await identity.verify(await provider.sign()), { ok: true, subject: "ann" });
    const wrong: [string, Record<string, unknown>, { kid?: string }?][] = [
      ["iss", { iss: "https://evil.example/pool" }],
      ["iss", { iss: undefined }],
      ["aud", { aud: "another app" }],
      ["aud", { aud: undefined }],
      ["token_use", { token_use: "access" }],
      ["token_use", { token_use: undefined }],
      ["exp", { exp: 1_000 }],
      ["exp", { exp: undefined }],
      ["sub", { sub: undefined }],
      ["key", {}, { kid: "k2" }],
    ];
    for (const [what, changes, header] of wrong) {
      const verdict = await identity.verify(await provider.sign(changes, header));
      assert(!verdict.ok, what);
      assert.match(verdict.reason, new RegExp(what), JSON.stringify(changes));
    }
  } finally {
    await identity.close();
    await provider.stop();
  }
});

Deno.test("identity cognito: strangers' tokens do not make us fetch keys again and again", async () => {
  const provider = await startProvider();
  const identity = identityAt(provider.endpoint);
  try {
    for (let token = 0; token < 20; token++) {
      await identity.verify(await provider.sign({}, { kid: `stranger${token}` }));
    }
    assert(provider.asked() <= 2, `fetched ${provider.asked()} times`);
  } finally {
    await identity.close();
    await provider.stop();
  }
});

Deno.test("identity cognito: a provider that is down is no verdict, and known keys outlast it", async () => {
  const provider = await startProvider();
  const notices: string[] = [];
  const log: Log = { write: (level) => void notices.push(level) };
  const identity = identityAt(provider.endpoint, log);
  try {
    const token = await provider.sign();
    provider.goDown();
    await assert.rejects(
      identity.verify(token),
      (error) => error instanceof IdentityUnavailable && error.retryAfterMs > 0,
    );
    provider.comeBack();
    assert.equal((await identity.verify(token)).ok, true, "recovers by itself");
    provider.goDown();
    assert.equal((await identity.verify(token)).ok, true);
    const start = performance.now();
    await assert.rejects(identity.anonymousSignIn(), IdentityUnavailable);
    assert(performance.now() - start < 5_000);
    assert.deepEqual(notices, ["warning"], "the half-made user is left to the cleanup");
  } finally {
    await identity.close();
    await provider.stop();
  }
});
