/**
 * Identities that Amazon Cognito keeps: anonymous users, and id tokens that it signs. Knows no room
 * and no socket; the AWS SDK is behind `user_pool.ts`.
 */

import { base32nopad } from "@scure/base";
import type { Log } from "../../lib/base/log.ts";
import { type Clock, SECOND_MS } from "../../lib/base/time.ts";
import type { RandomBytes } from "../credential.ts";
import { judgeToken, type KeySet, remoteKeys, type TokenRules } from "./id_token.ts";
import {
  ANONYMOUS_PREFIX,
  type Identity,
  IdentityUnavailable,
  type SignIn,
  type Verdict,
} from "./identity.ts";
import { CognitoPool } from "./user_pool.ts";

/** Where the users are. */
export interface CognitoOptions {
  readonly region: string;
  readonly userPoolId: string;
  /** An app client without a secret that allows USER_PASSWORD_AUTH. */
  readonly clientId: string;
  /** Where the service answers, if not at AWS's own address of the region. */
  readonly endpoint?: string;
}

/** What an identity runs on. */
export interface CognitoPorts {
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly log: Log;
}

/** A sign-in is two requests more than Cognito needs to answer one; the SDK asks each twice. */
const ATTEMPTS_MAX = 2;
/** When to come back after a failure. Lower: more load on what is down already. */
const RETRY_AFTER_MS = 5 * SECOND_MS;
/** One of each kind that the strictest password policy wants; 160 random bits follow. */
const PASSWORD_PREFIX = "Aa1!";

/** Signs in through a Cognito user pool. */
export class CognitoIdentity implements Identity {
  readonly #pool: CognitoPool;
  readonly #clientId: string;
  readonly #rules: TokenRules;
  readonly #keys: KeySet;
  readonly #ports: CognitoPorts;

  constructor(options: CognitoOptions, ports: CognitoPorts) {
    const { region, userPoolId, clientId, endpoint } = options;
    this.#pool = new CognitoPool({
      region,
      userPoolId,
      ...(endpoint === undefined ? {} : { endpoint }),
      attemptsMax: ATTEMPTS_MAX,
    });
    this.#clientId = clientId;
    const service = endpoint ?? `https://cognito-idp.${region}.amazonaws.com`;
    const issuer = `${service.replace(/\/$/, "")}/${userPoolId}`;
    this.#rules = { algorithm: "RS256", issuer, audience: clientId, tokenUse: "id" };
    this.#keys = remoteKeys(`${issuer}/.well-known/jwks.json`);
    this.#ports = ports;
  }

  async anonymousSignIn(): Promise<SignIn> {
    const username = `${ANONYMOUS_PREFIX}${this.#name(10)}`;
    const password = `${PASSWORD_PREFIX}${this.#name(20)}`;
    return await answered("sign somebody in", async () => {
      try {
        await this.#pool.makeUser(this.#clientId, username, password);
        const id_token = await this.#pool.signIn(this.#clientId, username, password);
        return { id_token, username };
      } catch (error) {
        await this.#undo(username);
        throw error;
      }
    });
  }

  async verify(idToken: string): Promise<Verdict> {
    return await judgeToken(idToken, this.#keys, this.#rules, this.#ports.clock);
  }

  async keep(subject: string): Promise<void> {
    const nowSeconds = Math.floor(this.#ports.clock.wallMs() / SECOND_MS);
    await answered("keep a user", async () => {
      const username = await this.#anonymousName(subject);
      if (username !== undefined) await this.#pool.touchUser(username, nowSeconds);
    });
  }

  async forget(subject: string): Promise<void> {
    await answered("delete a user", async () => {
      const username = await this.#anonymousName(subject);
      if (username !== undefined) await this.#pool.deleteUser(username);
    });
  }

  close(): Promise<void> {
    this.#pool.close();
    return Promise.resolve();
  }

  /** Nobody will ever have the password of a user whose sign-in stopped half-way. */
  async #undo(username: string): Promise<void> {
    try {
      await this.#pool.deleteUser(username);
    } catch (error) {
      this.#ports.log.write("warning", "A user that cannot be used stays until the cleanup", {
        username,
        error: String(error),
      });
    }
  }

  /** The name of a user that we made. The pool may hold people too: those are not ours to touch. */
  async #anonymousName(subject: string): Promise<string | undefined> {
    const username = await this.#pool.nameOf(subject);
    return username?.startsWith(ANONYMOUS_PREFIX) ? username : undefined;
  }

  #name(bytes: number): string {
    return base32nopad.encode(this.#ports.randomBytes(bytes)).toLowerCase();
  }
}

async function answered<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (cause) {
    throw new IdentityUnavailable(`Expected Cognito to ${what}, got an error`, {
      cause,
      retryAfterMs: RETRY_AFTER_MS,
    });
  }
}
