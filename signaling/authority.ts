/** Who may do what over HTTP: owners by their id token, members by the room's token. Knows no routes. */

import type { RoomId } from "../lib/base/id.ts";
import { type Clock, SECOND_MS } from "../lib/base/time.ts";
import { tokenMatches } from "./credential.ts";
import type { Guesses } from "./guesses.ts";
import { HttpRefusal, retryAfter, tooMany } from "./http_refusal.ts";
import { type Identity, IdentityUnavailable } from "./identity/identity.ts";
import { type Store, type StoredRoom, StoreUnavailable } from "./store/store.ts";

/** What a request shows. */
export interface Credentials {
  /** After `Authorization: Bearer`: an id token or a room token. */
  readonly bearer: string | undefined;
  /** A room token in the body. */
  readonly token: string | undefined;
  readonly address: string;
}

/** Whom an authority asks. */
export interface AuthorityPorts {
  readonly store: Store;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly guesses: Guesses;
}

const WHO = { "www-authenticate": 'Bearer realm="sleap-rtc"' };
const BUSY_MS = 2 * SECOND_MS;

/** Judges credentials. */
export class Authority {
  readonly #ports: AuthorityPorts;

  constructor(ports: AuthorityPorts) {
    this.#ports = ports;
  }

  /**
   * The subject of an id token.
   *
   * @throws {HttpRefusal} 401 where there is none, or it is not valid.
   */
  async subject({ bearer }: Credentials): Promise<string> {
    if (bearer === undefined) {
      const text = "Expected `Authorization: Bearer ID_TOKEN`, got none; POST /anonymous-signin";
      throw new HttpRefusal(401, "UNAUTHORIZED", text, { headers: WHO });
    }
    const verdict = await answered(this.#ports.identity.verify(bearer));
    if (verdict.ok) return verdict.subject;
    throw new HttpRefusal(401, "UNAUTHORIZED", verdict.reason, { headers: WHO });
  }

  /**
   * The room, for its owner and for those who have its token.
   *
   * @throws {HttpRefusal} 401 without credentials; 429 after too many wrong ones; 403 where they do
   * not fit or there is no such room, which is the same to whoever asks.
   */
  async room(roomId: RoomId, credentials: Credentials): Promise<StoredRoom> {
    const { bearer, token, address } = credentials;
    const { clock, guesses } = this.#ports;
    if (bearer === undefined && token === undefined) {
      const text = "Expected the room's token, or its owner's id token, as Bearer; got neither";
      throw new HttpRefusal(401, "UNAUTHORIZED", text, { headers: WHO });
    }
    const judge = () => this.#find(roomId, credentials);
    const { waitMs, found: room } = await guesses.judged(address, roomId, () => clock.now(), judge);
    if (waitMs > 0) throw tooMany("wrong credentials from this address", waitMs);
    if (room !== undefined) return room;
    // Without its name: the room may be that of a peer, and who asks does not know which.
    const text = "Expected credentials of a room that exists, got others";
    throw new HttpRefusal(403, "ROOM_REFUSED", text);
  }

  async #find(roomId: RoomId, { bearer, token }: Credentials): Promise<StoredRoom | undefined> {
    const { store, clock } = this.#ports;
    // The same questions are asked whether the room exists or not, so that time tells nothing.
    const room = await answered(
      store.findRoom(roomId, Math.floor(clock.wallMs() / SECOND_MS)),
    );
    const byToken = [bearer, token].map((text) => text !== undefined && tokenMatches(room, text));
    const owner = bearer === undefined ? undefined : await this.#subjectOf(bearer);
    const byOwner = owner !== undefined && owner === room?.owner;
    return byOwner || byToken.includes(true) ? room : undefined;
  }

  async #subjectOf(bearer: string): Promise<string | undefined> {
    if (!bearer.includes(".")) return undefined;
    const verdict = await answered(this.#ports.identity.verify(bearer));
    return verdict.ok ? verdict.subject : undefined;
  }
}

/**
 * What a store or a provider answers.
 *
 * @throws {HttpRefusal} 503 where it does not.
 */
export async function answered<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    const isTimed = cause instanceof StoreUnavailable || cause instanceof IdentityUnavailable;
    const waitMs = isTimed ? cause.retryAfterMs : BUSY_MS;
    const text = "The server cannot reach its storage at the moment; try again";
    throw new HttpRefusal(503, "SERVER_BUSY", text, { cause, headers: retryAfter(waitMs) });
  }
}
