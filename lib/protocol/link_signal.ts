/** What two peers must tell each other before their link can open: WebRTC descriptions and candidates. */

import { z } from "zod";

const sdp = z.string().min(1).max(32_768);

/** The first description of a link, from its offerer. */
export const offerSchema = z.object({ type: z.literal("offer"), sdp });
/** The description that answers it. */
export const answerSchema = z.object({ type: z.literal("answer"), sdp });
/** A network address that a link may try. */
export const candidateSchema = z.object({
  candidate: z.string().max(1_024),
  sdpMid: z.string().max(64),
  /** Some stacks leave it out; the first and only section is meant then. */
  sdpMLineIndex: z.int().min(0).max(15).default(0),
});

/** A session description or an ICE candidate, on its way from one end of a link to the other. */
export const linkSignalSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("offer"), sdp }),
  z.object({ kind: z.literal("answer"), sdp }),
  candidateSchema.extend({ kind: z.literal("candidate") }),
]);
/** A session description or an ICE candidate. */
export type LinkSignal = z.infer<typeof linkSignalSchema>;

/** The parts of the three messages that carry a {@linkcode LinkSignal}, on a link and by the server. */
export type SignalPart =
  | { readonly offer: z.infer<typeof offerSchema> }
  | { readonly answer: z.infer<typeof answerSchema> }
  | { readonly candidate: z.infer<typeof candidateSchema> };

/** Reads the signal out of a message that carries one. */
export function signalOf(part: SignalPart): LinkSignal {
  if ("offer" in part) return { kind: "offer", sdp: part.offer.sdp };
  if ("answer" in part) return { kind: "answer", sdp: part.answer.sdp };
  return { kind: "candidate", ...part.candidate };
}
