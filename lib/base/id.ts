/**
 * The names that things go by, branded so that one cannot be passed for another.
 * Knows their form only; who owns a name is `lib/protocol/identity.ts`.
 */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A process in a room: `<name>-<10 characters of base32(SHA-256(public key))>`. */
export type PeerId = Branded<"PeerId">;
/** A room. Public: it appears in logs and URLs and lets nobody in. */
export type RoomId = Branded<"RoomId">;
/** A job, chosen by the client that asks for it. */
export type JobId = Branded<"JobId">;
/** One attempt to connect two peers. Both ends call it by the same id. */
export type LinkId = Branded<"LinkId">;
/** One question, so that its answer finds the asker. */
export type RequestId = Branded<"RequestId">;
/** A SHA-256 digest in lower-case hexadecimal. */
export type Sha256 = Branded<"Sha256">;

/** Whether `text` has the form of a {@linkcode PeerId}: 1 to 64 letters, digits, `.`, `_`, `-`. */
export function isPeerId(text: string): text is PeerId {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

/** Whether `text` has the form of a {@linkcode RoomId}: 8 to 32 lower-case letters and digits. */
export function isRoomId(text: string): text is RoomId {
  return /^[a-z0-9]{8,32}$/.test(text);
}

/** Whether `text` has the form of a {@linkcode JobId}: `job-` and 8 to 32 letters and digits. */
export function isJobId(text: string): text is JobId {
  return /^job-[a-z0-9]{8,32}$/.test(text);
}

/** Whether `text` has the form of a {@linkcode LinkId}. */
export function isLinkId(text: string): text is LinkId {
  return /^[a-z0-9][a-z0-9.]{0,47}$/.test(text);
}

/** Whether `text` has the form of a {@linkcode RequestId}. */
export function isRequestId(text: string): text is RequestId {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text);
}

/** Whether `text` has the form of a {@linkcode Sha256}. */
export function isSha256(text: string): text is Sha256 {
  return /^[0-9a-f]{64}$/.test(text);
}
