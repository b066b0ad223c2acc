/** Sends every message through JSON, its schema and its limit, as the wire would. Knows no network. */

import assert from "node:assert/strict";
import { z } from "zod";
import { LINK_MESSAGE_BYTES_MAX, SIGNAL_FRAME_BYTES_MAX } from "../../lib/base/limits.ts";
import { utf8Length } from "../../lib/base/utf8.ts";
import { type LinkMessage, linkMessageSchema } from "../../lib/protocol/link_message.ts";
import { type MeshMessage, meshMessageSchema } from "../../lib/protocol/mesh_message.ts";
import {
  type FromServer,
  fromServerSchema,
  type ToServer,
  toServerSchema,
} from "../../lib/protocol/signal_message.ts";
import { Digest } from "./digest.ts";

/** Encodes and decodes messages. One that goes to many is decoded once. */
export class WireCheck {
  readonly #decoded = new WeakMap<object, MeshMessage>();
  #messages = 0;
  #bytes = 0;
  readonly #digest = new Digest();

  /** Messages and characters encoded so far. */
  get totals(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes };
  }

  /** The same where the same was said in the same order. */
  get digest(): string {
    return this.#digest.hex;
  }

  /** What a worker hears when another says `message`. */
  mesh(message: MeshMessage): MeshMessage {
    const known = this.#decoded.get(message);
    if (known !== undefined) return known;
    const decoded = this.#pass(message, meshMessageSchema, LINK_MESSAGE_BYTES_MAX);
    this.#decoded.set(message, decoded);
    return decoded;
  }

  /** What is heard when a client and a worker say `message` on their link. */
  client(message: LinkMessage): LinkMessage {
    return this.#pass(message, linkMessageSchema, LINK_MESSAGE_BYTES_MAX);
  }

  /** What the server hears. */
  toServer(message: ToServer): ToServer {
    return this.#pass(message, toServerSchema, SIGNAL_FRAME_BYTES_MAX);
  }

  /** What a peer hears of the server. */
  fromServer(message: FromServer): FromServer {
    return this.#pass(message, fromServerSchema);
  }

  #pass<T extends { type: string }>(message: T, schema: z.ZodType<T>, bytesMax = Infinity): T {
    const text = JSON.stringify(message);
    this.#messages++;
    this.#bytes += text.length;
    this.#digest.add(text);
    const isShort = text.length * 3 <= bytesMax;
    assert.ok(
      isShort || utf8Length(text) <= bytesMax,
      `${message.type} is longer than its wire takes`,
    );
    return schema.parse(JSON.parse(text));
  }
}
