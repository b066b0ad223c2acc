import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { decodeJson } from "../../lib/protocol/decode.ts";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import { fromServerSchema } from "../../lib/protocol/signal_message.ts";
import { hashToken } from "../../signaling/credential.ts";
import { SILENT_METER } from "../../signaling/fact.ts";
import { Guesses } from "../../signaling/guesses.ts";
import { IdentityUnavailable, type Verdict } from "../../signaling/identity/identity.ts";
import { limitsWith } from "../../signaling/limits.ts";
import { MemoryStore } from "../../signaling/store/memory.ts";
import { Switchboard } from "../../signaling/switchboard.ts";
import { PeerKey, registration } from "./lab_peer.ts";

const ROOM = { room_id: roomIdSchema.parse("lab2room0001"), token: "t" };

/** A switchboard whose identity provider answers as a test wants. */
async function world(verify: (idToken: string) => Promise<Verdict>) {
  const store = new MemoryStore();
  const stored = { name: "lab", owner: "ann", created_at: 0, expires_at: null };
  await store.createRoom({ ...stored, room_id: ROOM.room_id, token_hash: hashToken("t") }, 0);
  const limits = limitsWith({});
  const clock = { now: () => 0, wallMs: () => 0 };
  const told: string[] = [];
  const gate = { store, identity: { verify }, clock, guesses: new Guesses(limits) };
  const switchboard = new Switchboard({
    gate: { ...gate, log: SILENT_LOG },
    clock,
    randomBytes,
    log: SILENT_LOG,
    meter: SILENT_METER,
    attendance: {
      arrived: (subject) => void told.push(`+${subject}`),
      left: (subject) => void told.push(`-${subject}`),
    },
    limits,
    keepsRegistry: () => true,
    keepRoom: () => {},
  });
  /** Registers, and gives what was answered and how to go. */
  const enter = async (changes: Readonly<Record<string, unknown>>) => {
    const heard: string[] = [];
    let nonce = "";
    const answered = Promise.withResolvers<void>();
    const wire = {
      send: (text: string) => {
        const message = decodeJson(text, fromServerSchema);
        assert(message.ok);
        if (message.value.type === "challenge") nonce = message.value.nonce;
        else {
          heard.push(message.value.type === "error" ? message.value.code : message.value.type);
          answered.resolve();
        }
      },
      close: () => {},
      bufferedBytes: () => 0,
    };
    const socket = switchboard.open(wire, { address: "192.0.2.1", program: "test" });
    const honest = registration(new PeerKey("w"), ROOM, nonce);
    socket.received(JSON.stringify({ ...honest, ...changes }));
    await answered.promise;
    return { answer: heard[0], socket };
  };
  return { told, enter, switchboard };
}

Deno.test("switchboard: of readers that hold too much together the slowest go", async () => {
  const { switchboard } = await world(() => Promise.reject(new Error("Nobody asks")));
  const mebibytes = [1, 0.25, 1, 0.5];
  const closed: number[] = [];
  for (let copy = 0; copy < 64; copy++) {
    for (const [index, held] of mebibytes.entries()) {
      switchboard.open({
        send: () => {},
        close: () => void closed.push(index),
        bufferedBytes: () => held * 1024 * 1024,
      }, { address: "192.0.2.1", program: "test" });
    }
  }
  // 176 MiB wait, and 64 may: of those with a whole one 112 go, and nobody else.
  switchboard.tick();
  assert.equal(closed.length, 112);
  assert.deepEqual(new Set(closed), new Set([0, 2]));
});

Deno.test("switchboard: as whom peers signed in is told when they come and when they go, once", async () => {
  const { told, enter } = await world((idToken) =>
    Promise.resolve(
      idToken === "good" ? { ok: true, subject: "ann" } : { ok: false, reason: "Expected another" },
    )
  );
  const { answer, socket } = await enter({ id_token: "good" });
  assert.deepEqual([answer, told], ["registered_auth", ["+ann"]]);
  socket.closed();
  socket.closed();
  assert.deepEqual(told, ["+ann", "-ann"]);
  assert.equal((await enter({})).answer, "registered_auth");
  assert.equal((await enter({ id_token: "forged" })).answer, "IDENTITY_REFUSED");
  assert.deepEqual(told, ["+ann", "-ann"]);
});

Deno.test("switchboard: a provider that is down keeps nobody out who has the room's token", async () => {
  const { told, enter } = await world(() =>
    Promise.reject(new IdentityUnavailable("Down", { retryAfterMs: 1_000 }))
  );
  assert.equal((await enter({ id_token: "good" })).answer, "registered_auth");
  assert.deepEqual(told, []);
});
