/** A peer of the tests that speaks to a real server: signs in over HTTP, registers, says and hears frames. */

import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { z } from "zod";
import type { PeerId } from "../../lib/base/id.ts";
import { peerIdOf } from "../../lib/protocol/identity.ts";
import { roomIdSchema } from "../../lib/protocol/name.ts";
import {
  type FromServer,
  fromServerSchema,
  registrationBytes,
  type Role,
} from "../../lib/protocol/signal_message.ts";
import { PROTOCOL_VERSION } from "../../lib/protocol/version.ts";

const DEADLINE_MS = 5_000;
const roomSchema = z.object({ room_id: roomIdSchema, token: z.string() });
/** A room that a test may enter. */
export type OpenRoom = z.infer<typeof roomSchema>;

/** Makes a room on the server at `url`. */
export async function createRoom(url: string, body: unknown = {}): Promise<OpenRoom> {
  const signIn = z.object({ id_token: z.string() }).parse(
    await (await fetch(`${url}/anonymous-signin`, { method: "POST" })).json(),
  );
  const response = await fetch(`${url}/create-room`, {
    method: "POST",
    headers: { authorization: `Bearer ${signIn.id_token}` },
    body: JSON.stringify(body),
  });
  return roomSchema.parse(await response.json());
}

/** Waits for what `look` finds, at most some seconds. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`Expected ${what} in time, got none`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A key pair, and the peer id that belongs to it. */
export class PeerKey {
  readonly publicKey: string;
  readonly peerId: PeerId;
  readonly #privateKey: KeyObject;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    this.publicKey = publicKey.export({ format: "jwk" }).x ?? "";
    this.peerId = peerIdOf(name, this.publicKey);
    this.#privateKey = privateKey;
  }

  /** The signature of `bytes`. */
  sign(bytes: Uint8Array): string {
    return Buffer.from(sign(null, bytes, this.#privateKey)).toString("base64url");
  }
}

/** A registration as an honest peer sends it. */
export function registration(
  key: PeerKey,
  room: OpenRoom,
  nonce: string,
  changes: { readonly role?: Role; readonly incarnation?: number; readonly gpuMb?: number } = {},
): Record<string, unknown> {
  const { role = "worker", incarnation = 1, gpuMb = 8_000 } = changes;
  const claim = { nonce, room_id: room.room_id, peer_id: key.peerId, role, incarnation };
  return {
    type: "register",
    ...claim,
    token: room.token,
    protocol: PROTOCOL_VERSION,
    public_key: key.publicKey,
    signature: key.sign(registrationBytes(claim)),
    metadata: { tags: [], properties: { gpu_memory_mb: gpuMb } },
  };
}

/** One socket to a server, and all that was heard on it. */
export class LabSocket {
  readonly heard: FromServer[] = [];
  closed: { readonly code: number; readonly reason: string } | undefined;
  readonly #socket: WebSocket;

  constructor(url: string, path = "/ws") {
    this.#socket = new WebSocket(`${url.replace("http", "ws")}${path}`);
    this.#socket.onmessage = ({ data }) => {
      this.heard.push(fromServerSchema.parse(JSON.parse(z.string().parse(data))));
    };
    this.#socket.onerror = (event) => event.preventDefault();
    this.#socket.onclose = ({ code, reason }) => this.closed = { code, reason };
  }

  /** The first frame of `type` that has been or will be heard. */
  async next<Type extends FromServer["type"]>(
    type: Type,
  ): Promise<Extract<FromServer, { type: Type }>> {
    const isWanted = (message: FromServer): message is Extract<FromServer, { type: Type }> =>
      message.type === type;
    const found = await eventually(type, () => this.heard.find(isWanted));
    this.heard.splice(this.heard.indexOf(found), 1);
    return found;
  }

  /** Says `frame`: text and bytes as they are, other things as JSON. */
  say(frame: string | Uint8Array<ArrayBuffer> | Readonly<Record<string, unknown>>): void {
    const isRaw = typeof frame === "string" || frame instanceof Uint8Array;
    this.#socket.send(isRaw ? frame : JSON.stringify(frame));
  }

  /** The code with which the socket ends. */
  async ended(): Promise<number> {
    return (await eventually("the socket's end", () => this.closed)).code;
  }

  /** Ends the socket and waits until it has. */
  async close(): Promise<void> {
    if (this.closed === undefined) this.#socket.close();
    await this.ended();
  }
}

/** Opens a socket and registers on it. */
export async function enter(
  url: string,
  key: PeerKey,
  room: OpenRoom,
  changes: Parameters<typeof registration>[3] = {},
): Promise<{ socket: LabSocket; welcome: Extract<FromServer, { type: "registered_auth" }> }> {
  const socket = new LabSocket(url);
  const { nonce } = await socket.next("challenge");
  socket.say(registration(key, room, nonce, changes));
  const welcome = await socket.next("registered_auth");
  assert.equal(welcome.peer_id, key.peerId);
  return { socket, welcome };
}

/** A token that no room has. */
export function wrongToken(): string {
  return randomBytes(16).toString("hex");
}
