/** What every identity must do. Run on each of them; knows none. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SignJWT } from "jose";
import { DAY_MS } from "../../lib/base/time.ts";
import { ANONYMOUS_PREFIX, type Identity } from "../../signaling/identity/identity.ts";

/** An identity to try, and its clock. */
export interface IdentityUnderTest {
  readonly identity: Identity;
  /** Milliseconds since 1970 by the identity's clock; may be moved. */
  readonly time: { wallMs: number };
  dispose(): Promise<void>;
}

/** What a token says of itself, unverified. */
function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** Registers the contract's tests for the identity called `name`, as steps on one that `open` gives. */
export function testIdentity(name: string, open: () => Promise<IdentityUnderTest>): void {
  Deno.test(`identity ${name} keeps its contract`, async (t) => {
    const { identity, time, dispose } = await open();
    const start = time.wallMs;
    try {
      await t.step("who signs in is recognised, and nobody else", async () => {
        const ann = await identity.anonymousSignIn();
        const bob = await identity.anonymousSignIn();
        assert(ann.username.startsWith(ANONYMOUS_PREFIX));
        assert.notEqual(ann.username, bob.username);
        const [annVerdict, again, bobVerdict] = [
          await identity.verify(ann.id_token),
          await identity.verify(ann.id_token),
          await identity.verify(bob.id_token),
        ];
        assert(annVerdict.ok && bobVerdict.ok && annVerdict.subject !== "");
        assert.deepEqual(annVerdict, again);
        assert.notEqual(annVerdict.subject, bobVerdict.subject);
      });

      await t.step("tokens of others and spoilt ones are refused in words", async () => {
        const { id_token } = await identity.anonymousSignIn();
        const [head = "", body = "", signature = ""] = id_token.split(".");
        const claims = claimsOf(id_token);
        const symmetric = await new SignJWT({ ...claims }).setProtectedHeader({ alg: "HS256" })
          .sign(new Uint8Array(32));
        const other = Buffer.from(JSON.stringify({ ...claims, sub: "eve" })).toString("base64url");
        const none = Buffer.from('{"alg":"none"}').toString("base64url");
        const unnamed = Buffer.from('{"alg":"RS256","kid":"nobody"}').toString("base64url");
        const spoilt = [
          "",
          "a.b.c",
          "🙂",
          "x".repeat(100_000),
          symmetric,
          `${none}.${body}.`,
          `${unnamed}.${body}.${signature}`,
          `${head}.${other}.${signature}`,
          `${head}.${body}.${signature.replace(/^./, (first) => first === "A" ? "B" : "A")}`,
          `${head}.${body}`,
        ];
        for (const token of spoilt) {
          const verdict = await identity.verify(token);
          assert(!verdict.ok, token.slice(0, 80));
          assert.match(verdict.reason, /^Expected a valid id token: .*; sign in again$/);
        }
      });

      await t.step("a sign-in ends", async () => {
        const { id_token } = await identity.anonymousSignIn();
        time.wallMs = start + 31 * DAY_MS;
        const verdict = await identity.verify(id_token);
        time.wallMs = start;
        assert(!verdict.ok);
        assert.match(verdict.reason, /exp/);
      });

      await t.step("a forgotten user's token is good until it expires", async () => {
        const { id_token } = await identity.anonymousSignIn();
        const verdict = await identity.verify(id_token);
        assert(verdict.ok);
        await identity.keep(verdict.subject);
        await identity.forget(verdict.subject);
        await identity.forget(verdict.subject);
        assert.deepEqual(await identity.verify(id_token), verdict);
      });
    } finally {
      await identity.close();
      await dispose();
    }
  });
}
