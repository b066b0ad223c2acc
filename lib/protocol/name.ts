/** The schemas of names, so that a name from outside is checked where it enters. */

import { z } from "zod";
import {
  isJobId,
  isLinkId,
  isPeerId,
  isRequestId,
  isRoomId,
  isSha256,
  type JobId,
  type LinkId,
  type PeerId,
  type RequestId,
  type RoomId,
  type Sha256,
} from "../base/id.ts";

function named<Name extends string>(form: (text: string) => text is Name, wanted: string) {
  return z.custom<Name>((value) => typeof value === "string" && form(value), `Expected ${wanted}`);
}

/** A {@linkcode PeerId}. */
export const peerIdSchema: z.ZodType<PeerId> = named(
  isPeerId,
  "a peer id (1 to 64 of A-Z a-z 0-9 . _ -)",
);
/** A {@linkcode RoomId}. */
export const roomIdSchema: z.ZodType<RoomId> = named(isRoomId, "a room id (8 to 32 of a-z 0-9)");
/** A {@linkcode JobId}. */
export const jobIdSchema: z.ZodType<JobId> = named(
  isJobId,
  "a job id (job- and 8 to 32 of a-z 0-9)",
);
/** A {@linkcode LinkId}. */
export const linkIdSchema: z.ZodType<LinkId> = named(isLinkId, "a link id (1 to 48 of a-z 0-9 .)");
/** A {@linkcode RequestId}. */
export const requestIdSchema: z.ZodType<RequestId> = named(
  isRequestId,
  "a request id (1 to 64 of A-Z a-z 0-9 . _ -)",
);
/** A {@linkcode Sha256}. */
export const sha256Schema: z.ZodType<Sha256> = named(isSha256, "64 hexadecimal digits");
