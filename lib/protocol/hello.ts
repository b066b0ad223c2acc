/** The first message on a link, in both directions: who speaks, and what it speaks. */

import { z } from "zod";
import { isPublicKey } from "./identity.ts";
import { linkIdSchema, peerIdSchema, roomIdSchema } from "./name.ts";
import { roleSchema } from "./signal_message.ts";
import { metadataSchema } from "./worker.ts";

/** Bytes of a hello's nonce. */
export const NONCE_BYTES = 16;

const publicKeySchema = z.string().refine(isPublicKey, "Expected an Ed25519 key in base64url");

/** The part of a hello that every version of the protocol has, so that others can be told apart. */
export const helloVersionSchema = z.object({
  type: z.literal("hello"),
  /** `PROTOCOL_VERSION` of the speaker. */
  protocol: z.int().min(0),
});

/** A hello of this version of the protocol. */
export const helloSchema = z.object({
  ...helloVersionSchema.shape,
  /** `SOFTWARE_VERSION` of the speaker, for people to read. */
  version: z.string().min(1).max(64),
  room_id: roomIdSchema,
  link_id: linkIdSchema,
  peer_id: peerIdSchema,
  role: roleSchema,
  /** Which life of the peer's process this is: later ones have higher numbers. */
  incarnation: z.int().min(0),
  public_key: publicKeySchema,
  /** 16 random bytes in base64url: no two hellos are alike. */
  nonce: z.string().regex(/^[A-Za-z0-9_-]{22}$/, "Expected 16 bytes in base64url"),
  metadata: metadataSchema,
});

/** A hello of this version of the protocol. */
export type Hello = z.infer<typeof helloSchema>;
