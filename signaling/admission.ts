/** Whether a registration may come in: version, identity, token. Knows no socket; place is the rooms' matter. */

import type { Log } from "../lib/base/log.ts";
import { type Clock, SECOND_MS } from "../lib/base/time.ts";
import { isSignedBy, ownsPeerId } from "../lib/protocol/identity.ts";
import { type RefusalCode, registrationBytes } from "../lib/protocol/signal_message.ts";
import { PROTOCOL_VERSION } from "../lib/protocol/version.ts";
import { tokenMatches } from "./credential.ts";
import type { Guesses } from "./guesses.ts";
import { tooMany } from "./http_refusal.ts";
import { type Identity, IdentityUnavailable } from "./identity/identity.ts";
import type { AdmittedRoom, Registration } from "./room_event.ts";
import type { Store } from "./store/store.ts";

/** Whom an admission asks. */
export interface Gate {
  readonly store: Store;
  readonly identity: Pick<Identity, "verify">;
  readonly log: Log;
  readonly clock: Clock;
  readonly guesses: Guesses;
}

/** The room that a registration leads to, or why to none. */
export type Admission =
  | {
    readonly ok: true;
    readonly room: AdmittedRoom;
    /** As whom the peer signed in, where it says so. */
    readonly subject?: string;
  }
  | { readonly ok: false; readonly code: RefusalCode; readonly reason: string };

/**
 * Checks `registration`, which answers the challenge `nonce`. Rejects where the store does.
 */
export async function admit(
  registration: Registration,
  nonce: string,
  address: string,
  gate: Gate,
): Promise<Admission> {
  const { store, clock, guesses } = gate;
  const { room_id, peer_id, role, incarnation, protocol, public_key, signature } = registration;
  if (protocol !== PROTOCOL_VERSION) {
    const reason =
      `Expected protocol ${PROTOCOL_VERSION}, got ${protocol}; update the older of the two programs`;
    return { ok: false, code: "PROTOCOL_VERSION", reason };
  }
  if (!ownsPeerId(public_key, peer_id)) {
    const reason = `Expected a peer id that ends in the digest of its public key, got ${peer_id}`;
    return { ok: false, code: "IDENTITY_REFUSED", reason };
  }
  const claim = registrationBytes({ nonce, room_id, peer_id, role, incarnation });
  if (!isSignedBy(public_key, claim, signature)) {
    const reason = "Expected a signature over this socket's challenge by the peer's own key";
    return { ok: false, code: "IDENTITY_REFUSED", reason };
  }
  const judge = async () => {
    const found = await store.findRoom(room_id, Math.floor(clock.wallMs() / SECOND_MS));
    return tokenMatches(found, registration.token) ? found : undefined;
  };
  const { waitMs, found: room } = await guesses.judged(address, room_id, () => clock.now(), judge);
  if (waitMs > 0) {
    const { message: reason } = tooMany("wrong tokens from this address", waitMs);
    return { ok: false, code: "RATE_LIMITED", reason };
  }
  if (room !== undefined) {
    const admitted = { ok: true, room: { room_id, expires_at: room.expires_at } } as const;
    if (registration.id_token === undefined) return admitted;
    return await withSubject(admitted, registration.id_token, gate);
  }
  const reason = `Expected the token of a room that exists, got another for ${room_id}; ` +
    "check the invite, or create the room again if it has expired";
  return { ok: false, code: "ROOM_REFUSED", reason };
}

/** The sign-in is for the sake of its user alone: a provider that is down keeps nobody out. */
async function withSubject(
  admitted: Extract<Admission, { ok: true }>,
  idToken: string,
  { identity, log }: Gate,
): Promise<Admission> {
  try {
    const verdict = await identity.verify(idToken);
    return verdict.ok
      ? { ...admitted, subject: verdict.subject }
      : { ok: false, code: "IDENTITY_REFUSED", reason: verdict.reason };
  } catch (error) {
    if (!(error instanceof IdentityUnavailable)) throw error;
    log.write("warning", "A sign-in could not be checked", { error: String(error) });
    return admitted;
  }
}
