/**
 * One Cognito user pool, as far as anonymous users need it. The one importer of the AWS SDK's Cognito
 * client: load it with `import()`, only where it is wanted. Knows no token and no rule.
 */

import {
  AdminConfirmSignUpCommand,
  AdminDeleteUserCommand,
  AdminGetUserCommand,
  AdminUpdateUserAttributesCommand,
  CognitoIdentityProviderClient,
  DescribeUserPoolCommand,
  InitiateAuthCommand,
  ListUsersCommand,
  NotAuthorizedException,
  ResourceNotFoundException,
  SignUpCommand,
  UserNotFoundException,
} from "@aws-sdk/client-cognito-identity-provider";
import { SECOND_MS } from "../../lib/base/time.ts";
import {
  type ListedUser,
  PoolLost,
  PoolRefused,
  PoolThrottled,
  type UserPage,
  type UserPool,
} from "./user_cleanup.ts";

/** Where a user pool is. */
export interface PoolOptions {
  readonly region: string;
  readonly userPoolId: string;
  /** Where the service answers, if not at AWS's own address of the region. */
  readonly endpoint?: string;
  /** Requests for one question, the first included. Higher: more is bridged, slower. */
  readonly attemptsMax: number;
}

/** A page of ListUsers; 60 is the most that Cognito gives. */
const PAGE_USERS_MAX = 60;
/** Opening a connection. Higher: far regions work; lower: a dead network is told sooner. */
const CONNECT_MS_MAX = SECOND_MS;
/** One answer. Higher: slow answers count; lower: whoever signs in is told sooner. */
const ANSWER_MS_MAX = 3 * SECOND_MS;

/** Attributes that anonymous users never have. */
const ADDRESSES: ReadonlySet<string> = new Set(["email", "phone_number"]);
const THROTTLED: ReadonlySet<string> = new Set([
  "TooManyRequestsException",
  "ThrottlingException",
  "Throttling",
  "RequestLimitExceeded",
]);
const REFUSED: ReadonlySet<string> = new Set([
  "AccessDeniedException",
  "CredentialsProviderError",
  "ExpiredTokenException",
  "InvalidParameterException",
  "InvalidSignatureException",
  "MissingAuthenticationTokenException",
  "UnrecognizedClientException",
]);

/** A user pool at AWS. Credentials are those of the SDK's usual chain. */
export class CognitoPool implements UserPool {
  readonly #client: CognitoIdentityProviderClient;
  readonly #userPoolId: string;

  constructor({ region, userPoolId, endpoint, attemptsMax }: PoolOptions) {
    this.#userPoolId = userPoolId;
    this.#client = new CognitoIdentityProviderClient({
      region,
      ...(endpoint === undefined ? {} : { endpoint }),
      maxAttempts: attemptsMax,
      requestHandler: {
        connectionTimeout: CONNECT_MS_MAX,
        requestTimeout: ANSWER_MS_MAX,
        throwOnRequestTimeout: true,
      },
    });
  }

  /** Makes a user that may sign in at once. */
  async makeUser(clientId: string, username: string, password: string): Promise<void> {
    await this.#answer(this.#client.send(
      new SignUpCommand({ ClientId: clientId, Username: username, Password: password }),
    ));
    await this.#answer(this.#client.send(
      new AdminConfirmSignUpCommand({ UserPoolId: this.#userPoolId, Username: username }),
    ));
  }

  /** Signs a user in, and gives its id token. */
  async signIn(clientId: string, username: string, password: string): Promise<string> {
    const { AuthenticationResult } = await this.#answer(this.#client.send(
      new InitiateAuthCommand({
        ClientId: clientId,
        AuthFlow: "USER_PASSWORD_AUTH",
        AuthParameters: { USERNAME: username, PASSWORD: password },
      }),
    ));
    const token = AuthenticationResult?.IdToken;
    if (token !== undefined) return token;
    throw new PoolRefused(
      "Expected an id token of Cognito, got a challenge; switch multi-factor sign-in off for the pool",
    );
  }

  /** The name of the user that a token's subject stands for; `undefined` where it does not exist. */
  async nameOf(subject: string): Promise<string | undefined> {
    const user = await this.#unlessAbsent(this.#client.send(
      new AdminGetUserCommand({ UserPoolId: this.#userPoolId, Username: subject }),
    ));
    return user?.Username;
  }

  /** Moves the time at which a user was last modified to now. Nothing where it does not exist. */
  async touchUser(username: string, nowSeconds: number): Promise<void> {
    await this.#unlessAbsent(this.#client.send(
      new AdminUpdateUserAttributesCommand({
        UserPoolId: this.#userPoolId,
        Username: username,
        UserAttributes: [{ Name: "updated_at", Value: String(nowSeconds) }],
      }),
    ));
  }

  async deleteUser(username: string): Promise<boolean> {
    const deleted = await this.#unlessAbsent(this.#client.send(
      new AdminDeleteUserCommand({ UserPoolId: this.#userPoolId, Username: username }),
    ));
    return deleted !== undefined;
  }

  async countUsers(): Promise<number> {
    const { UserPool } = await this.#answer(this.#client.send(
      new DescribeUserPoolCommand({ UserPoolId: this.#userPoolId }),
    ));
    return UserPool?.EstimatedNumberOfUsers ?? 0;
  }

  async listUsers(pageToken: string | undefined): Promise<UserPage> {
    const { Users, PaginationToken } = await this.#answer(this.#client.send(
      new ListUsersCommand({
        UserPoolId: this.#userPoolId,
        Limit: PAGE_USERS_MAX,
        ...(pageToken === undefined ? {} : { PaginationToken: pageToken }),
      }),
    ));
    const users = (Users ?? []).flatMap((user): ListedUser[] => {
      const { Username, UserCreateDate, UserLastModifiedDate, Attributes } = user;
      // Without a name or an age nothing can be said of it; it stays.
      if (Username === undefined || UserCreateDate === undefined) return [];
      const createdAtMs = UserCreateDate.getTime();
      const usedAtMs = Math.max(createdAtMs, UserLastModifiedDate?.getTime() ?? 0);
      const hasAddress = (Attributes ?? []).some(({ Name }) => ADDRESSES.has(Name ?? ""));
      return [{ username: Username, createdAtMs, usedAtMs, hasAddress }];
    });
    return { users, next: PaginationToken };
  }

  /** Gives back what the client holds. */
  close(): void {
    this.#client.destroy();
  }

  async #unlessAbsent<T>(asked: Promise<T>): Promise<T | undefined> {
    return await this.#answer(asked.catch((error: unknown) => {
      if (error instanceof UserNotFoundException) return undefined;
      throw error;
    }));
  }

  async #answer<T>(asked: Promise<T>): Promise<T> {
    try {
      return await asked;
    } catch (cause) {
      const name = cause instanceof Error ? cause.name : "";
      if (THROTTLED.has(name)) throw new PoolThrottled("Cognito wants fewer requests", { cause });
      if (cause instanceof ResourceNotFoundException || REFUSED.has(name)) {
        throw new PoolRefused(
          `Expected access to the Cognito user pool ${this.#userPoolId}, got refused; check the pool's id, the region and the AWS credentials`,
          { cause },
        );
      }
      if (cause instanceof NotAuthorizedException) {
        throw new PoolRefused(
          "Expected Cognito to let an anonymous user in, got refused; allow USER_PASSWORD_AUTH and sign-up for an app client without a secret",
          { cause },
        );
      }
      throw new PoolLost("Expected Cognito to answer, got an error; check the network", { cause });
    }
  }
}
