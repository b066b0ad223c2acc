/** Identities by keys of this server's own, kept in a file. Needs no provider and no network. */

import { join } from "node:path";
import { base32nopad } from "@scure/base";
import { type Clock, DAY_MS, SECOND_MS } from "../../lib/base/time.ts";
import type { RandomBytes } from "../credential.ts";
import { judgeToken, type KeySet, ownKeys, signToken, type TokenRules } from "./id_token.ts";
import { ANONYMOUS_PREFIX, type Identity, type SignIn, type Verdict } from "./identity.ts";
import {
  isRotationDue,
  type KeyAges,
  type KeyRing,
  newKey,
  readRing,
  rotated,
  writeRing,
} from "./key_ring.ts";

const FILE_NAME = "identity_key.json";
const RULES: TokenRules = { algorithm: "EdDSA", issuer: "sleap-rtc", audience: "sleap-rtc" };
/** How long a sign-in lasts. Longer: a stolen token lasts too; shorter: owners lose their rooms. */
const SIGN_IN_SECONDS = 30 * DAY_MS / SECOND_MS;
const AGES: KeyAges = { signsSeconds: 30 * DAY_MS / SECOND_MS, tokenSeconds: SIGN_IN_SECONDS };

/** Signs and checks id tokens: Ed25519 JWTs (RFC 7519, RFC 8037) that only this server takes. */
export class LocalIdentity implements Identity {
  readonly #path: string;
  readonly #clock: Pick<Clock, "wallMs">;
  readonly #randomBytes: RandomBytes;
  #ring: KeyRing;
  #keys: KeySet;
  #rotation: Promise<void> | undefined;

  private constructor(
    path: string,
    ring: KeyRing,
    clock: Pick<Clock, "wallMs">,
    randomBytes: RandomBytes,
  ) {
    this.#path = path;
    this.#ring = ring;
    this.#keys = keysOf(ring);
    this.#clock = clock;
    this.#randomBytes = randomBytes;
  }

  /**
   * Reads the keys in `folder`, which must exist; makes the first one, for its owner alone.
   *
   * @throws {Error} Where the file holds no such keys, or cannot be read or written.
   */
  static async open(
    folder: string,
    clock: Pick<Clock, "wallMs">,
    randomBytes: RandomBytes,
  ): Promise<LocalIdentity> {
    const path = join(folder, FILE_NAME);
    let ring = await readRing(path);
    if (ring === undefined) {
      const current = await newKey(newName(randomBytes), secondsOf(clock));
      ring = { current, retired: [] };
      await writeRing(path, ring);
    }
    return new LocalIdentity(path, ring, clock, randomBytes);
  }

  async anonymousSignIn(): Promise<SignIn> {
    // Only signing makes a key grow old, so this is the one place to look at its age.
    if (isRotationDue(this.#ring, AGES, secondsOf(this.#clock))) await this.rotate();
    const username = `${ANONYMOUS_PREFIX}${newName(this.#randomBytes)}`;
    const key = this.#ring.current;
    const id_token = await signToken(username, SIGN_IN_SECONDS, key, RULES, this.#clock);
    return { id_token, username };
  }

  async verify(idToken: string): Promise<Verdict> {
    return await judgeToken(idToken, this.#keys, RULES, this.#clock);
  }

  /**
   * Has a new key sign from now on; sign-ins by the old one last as long as they would have. Several
   * calls at once make one key.
   *
   * @throws {Error} Where the file cannot be written; the old key then goes on.
   */
  async rotate(): Promise<void> {
    this.#rotation ??= this.#rotateOnce().finally(() => this.#rotation = undefined);
    await this.#rotation;
  }

  /** A local user is nothing but its token: there is nothing to keep. */
  keep(): Promise<void> {
    return Promise.resolve();
  }

  /** A local user is nothing but its token: there is nothing to delete. */
  forget(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #rotateOnce(): Promise<void> {
    const nowSeconds = secondsOf(this.#clock);
    const next = await newKey(newName(this.#randomBytes), nowSeconds);
    const ring = rotated(this.#ring, next, AGES, nowSeconds);
    await writeRing(this.#path, ring);
    this.#ring = ring;
    this.#keys = keysOf(ring);
  }
}

function keysOf({ current, retired }: KeyRing): KeySet {
  return ownKeys([current, ...retired]);
}

/** A name that is given once: 80 random bits. */
function newName(randomBytes: RandomBytes): string {
  return base32nopad.encode(randomBytes(10)).toLowerCase();
}

function secondsOf(clock: Pick<Clock, "wallMs">): number {
  return Math.floor(clock.wallMs() / SECOND_MS);
}
