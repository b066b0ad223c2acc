import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { FromServer } from "../../lib/protocol/signal_message.ts";
import type { RoomsEffect } from "../../signaling/room_event.ts";
import { type Arrival, ROOM, RoomsWorld } from "./rooms_world.ts";

/** The golden file of a story. It changes only when somebody can say why. */
function golden(name: string): Promise<string> {
  return Deno.readTextFile(
    fileURLToPath(new URL(`../transcript/signaling_${name}.txt`, import.meta.url)),
  );
}

const OFFER = { type: "offer", sdp: "v=0" };

/** Writes down who says what, and what comes of it. */
class Transcript {
  readonly world = new RoomsWorld();
  readonly #lines: string[] = [];
  readonly #names = new Map<number, string>();
  readonly #sockets = new Map<string, number>();

  join(peer: string, arrival: Arrival = {}): void {
    const { socket, effects } = this.world.join(peer, arrival);
    const generation =
      [...this.#names.values()].filter((name) => name.split("'")[0] === peer).length;
    const name = peer + "'".repeat(generation);
    this.#names.set(socket, name);
    this.#sockets.set(name, socket);
    this.#write(`${name} registers as ${arrival.role ?? "worker"}`, effects);
  }

  say(name: string, message: Readonly<Record<string, unknown>>): void {
    this.#write(
      `${name} says ${brief(message)}`,
      this.world.say(this.#sockets.get(name) ?? 0, message),
    );
  }

  close(name: string): void {
    this.#write(`${name}'s socket closes`, this.world.close(this.#sockets.get(name) ?? 0));
  }

  dated(restMs: number): void {
    const expires_at = (this.world.now + restMs) / 1_000;
    const dated = { kind: "dated", room_id: ROOM, expires_at, restMs } as const;
    this.#write(`the stored room ends in ${restMs / 60_000} min`, this.world.step(dated));
  }

  /** Time passes, in which everybody of `names` says that it is there. */
  pass(minutes: number, ...names: string[]): void {
    this.world.now += minutes * 60_000;
    for (const name of names) this.world.say(this.#sockets.get(name) ?? 0, { type: "pong" });
    this.#write(`${minutes} min pass`, this.world.pass(0));
  }

  note(text: string): void {
    this.#lines.push("", `# ${text}`);
  }

  get text(): string {
    return `${this.#lines.join("\n").trim()}\n`;
  }

  #write(what: string, effects: readonly RoomsEffect[]): void {
    // What is counted is no part of the protocol.
    const told = effects.filter(({ kind }) => kind !== "count");
    this.#lines.push(what, ...told.map((effect) => `    ${this.#show(effect)}`));
  }

  #show(effect: RoomsEffect): string {
    switch (effect.kind) {
      case "send":
        return `→ ${this.#names.get(effect.socket) ?? "newcomer"}: ${brief(shown(effect.message))}`;
      case "close":
        return `✕ ${this.#names.get(effect.socket) ?? "newcomer"}: ${effect.code} ${effect.reason}`;
      case "send_legacy":
        return `→ ${this.#names.get(effect.socket) ?? "newcomer"}: ${brief(effect.message)}`;
      case "keep_room":
        return `${effect.kind} ${effect.room_id}`;
      case "count":
        return `count ${effect.fact.kind}`;
      case "log":
        return `log ${effect.level}: ${effect.message}`;
    }
    return effect satisfies never;
  }
}

/** A message without what would only repeat itself. */
function shown(message: FromServer): Readonly<Record<string, unknown>> {
  if (message.type !== "registered_auth") return message;
  const { type, admin_peer_id, epoch, peers, peer_list } = message;
  return { type, admin_peer_id, epoch, peers: peers.map(({ peer_id }) => peer_id), peer_list };
}

function brief({ type, ...rest }: Readonly<Record<string, unknown>>): string {
  return `${type} ${JSON.stringify(rest).replaceAll('"', "")}`;
}

Deno.test("transcript: how peers join, elect, ask and go", async () => {
  const told = new Transcript();
  told.note("The first worker finds an empty room and claims the admin's place");
  told.join("w1", { gpuMb: 24_000 });
  told.say("w1", { type: "claim_admin", epoch: 1 });
  told.note("A second worker hears of the admin and dials it through the server");
  told.join("w2", { gpuMb: 8_000 });
  told.say("w2", { type: "mesh_connect", target_peer_id: "w1", link_id: "l1", offer: OFFER });
  told.say("w1", {
    type: "mesh_answer",
    target_peer_id: "w2",
    link_id: "l1",
    answer: { type: "answer", sdp: "v=0" },
  });
  told.say("w2", {
    type: "ice_candidate",
    target_peer_id: "w1",
    link_id: "l1",
    candidate: { candidate: "c", sdpMid: "0" },
  });
  told.note("A client asks for workers");
  told.join("c1", { role: "client" });
  told.say("c1", { type: "query_workers", request_id: "r1" });
  told.say("w1", {
    type: "worker_list",
    request_id: "r1",
    to_peer_id: "c1",
    list: {
      workers: [],
      total_count: 2,
      admin_peer_id: "w1",
      epoch: 1,
      stale: false,
      stale_ms: 0,
    },
  });
  told.note("The admin's socket is replaced; the late end of the old one changes nothing");
  told.join("w1", { gpuMb: 24_000 });
  told.close("w1");
  told.note("The admin goes; the other one takes over with the next epoch");
  told.close("w1'");
  told.say("w2", { type: "claim_admin", epoch: 1 });
  told.say("w2", { type: "claim_admin", epoch: 2 });
  told.note("Everybody goes");
  told.close("c1");
  told.close("w2");
  assert.equal(told.text, await golden("join"));
});

Deno.test("transcript: how a room ends, and what the original's peers say", async () => {
  const told = new Transcript();
  told.note("A client waits in a room that no worker keeps");
  told.join("c1", { role: "client" });
  told.dated(12 * 60_000);
  told.pass(2, "c1");
  told.note("A worker comes: the room lasts as long as it stays, and two hours more");
  told.join("w1", { gpuMb: 24_000 });
  told.dated(120 * 60_000);
  told.note("The client dials as the original does");
  told.say("c1", { type: "offer", sender: "c1", target: "w1", sdp: "v=0", role: "client" });
  told.say("w1", { type: "answer", sender: "w1", target: "c1", sdp: "v=0" });
  told.say("c1", { type: "offer", request_id: "r1", target: "w9", sdp: "v=0" });
  told.note("A worker claims an epoch that would leave no other a chance");
  told.say("w1", { type: "claim_admin", request_id: "r2", epoch: Number.MAX_SAFE_INTEGER });
  told.note("The worker goes for good");
  told.close("w1");
  told.dated(120 * 60_000);
  told.pass(110, "c1");
  told.pass(10, "c1");
  assert.equal(told.text, await golden("expiry"));
});
