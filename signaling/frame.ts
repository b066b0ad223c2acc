/** How a peer's frame becomes a message, or a refusal that says why not. Knows no socket and no room. */

import { decode, decodeJson } from "../lib/protocol/decode.ts";
import { requestIdSchema } from "../lib/protocol/name.ts";
import { type ToServer, toServerSchema } from "../lib/protocol/signal_message.ts";
import { z } from "zod";
import { type Refusal, refusal } from "./room_event.ts";

/** Nesting of a frame's JSON. The decoder is recursive: deeper frames could exhaust its stack. */
const DEPTH_MAX = 32;

// Made once: zod compiles a schema, which takes longer than all the rest of a frame.
const anything = z.unknown();
const envelopeSchema = z.looseObject({ type: z.string() });

const KNOWN_TYPES: ReadonlySet<string> = new Set(
  toServerSchema.options.map((option) => option.shape.type.value),
);

/** A message, or what to tell its sender. */
export type Frame =
  | { readonly ok: true; readonly message: ToServer }
  | { readonly ok: false; readonly refusal: Refusal };

/** Reads one text frame. Never throws; a refusal carries the request id where the frame had one. */
export function readFrame(text: string): Frame {
  const json = decodeJson(text, anything);
  if (!json.ok) return { ok: false, refusal: refusal("INVALID_JSON", json.reason) };
  if (isDeeperThan(DEPTH_MAX, json.value)) {
    const reason = `Expected JSON of at most ${DEPTH_MAX} levels, got more`;
    return { ok: false, refusal: refusal("INVALID_MESSAGE", reason) };
  }
  const message = decode(json.value, toServerSchema);
  if (message.ok) return { ok: true, message: message.value };
  // Why it is none, in the sender's terms, is worked out only now.
  const envelope = decode(json.value, envelopeSchema);
  if (!envelope.ok) {
    return { ok: false, refusal: refusal("INVALID_MESSAGE", envelope.reason) };
  }
  const requestId = requestIdSchema.safeParse(envelope.value["request_id"]);
  const about = requestId.success ? { request_id: requestId.data } : {};
  const { type } = envelope.value;
  if (!KNOWN_TYPES.has(type)) {
    const reason = `Expected a known message type, got ${JSON.stringify(type.slice(0, 40))}`;
    return { ok: false, refusal: refusal("UNKNOWN_MESSAGE_TYPE", reason, about) };
  }
  return {
    ok: false,
    refusal: refusal("INVALID_MESSAGE", `${type}: ${message.reason}`, about),
  };
}

function isDeeperThan(depthMax: number, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depthMax === 0) return true;
  return Object.values(value).some((item) => isDeeperThan(depthMax - 1, item));
}
