/**
 * What the original's peers say to each other by the server (UPSTREAM 1.4). It is no `FromServer`: peers
 * of today never ask for it, so they need not read it. As everywhere, the sender is the socket's peer.
 */

import { z } from "zod";
import { candidateSchema } from "./link_signal.ts";
import { peerIdSchema } from "./name.ts";

/** A session description in the original's shape, without link id. */
export const legacyDescriptionShape = {
  target: peerIdSchema,
  sdp: z.string().min(1).max(32_768),
  role: z.string().max(32).optional(),
};
/** A candidate in the original's shape. */
export const legacyCandidateShape = { target: peerIdSchema, candidate: candidateSchema };

const sender = peerIdSchema;
/** What the target receives. */
export const legacyRelaySchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("offer"), sender, ...legacyDescriptionShape }),
  z.object({ type: z.literal("answer"), sender, ...legacyDescriptionShape }),
  z.object({ type: z.literal("candidate"), sender, ...legacyCandidateShape }),
]);
/** What the target receives. */
export type LegacyRelay = z.infer<typeof legacyRelaySchema>;
