/** The options of `signal` beyond its port: what keeps the rooms, who signs in, and what stands before it. */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { choice, float, integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { type CognitoSettings, cognitoSettings } from "./cognito_option.ts";
import type { Io } from "./io.ts";
import { Mistake } from "./mistake.ts";

const TABLE_DEFAULT = "sleap-rtc-rooms";

/** `--store`, `--identity` and what belongs to either. */
export const backendOptions = object("Storage and identity", {
  store: withDefault(
    option("--store", choice(["sqlite", "memory", "dynamodb"], { metavar: "STORE" }), {
      description: message`What keeps the rooms; memory forgets them at the end`,
    }),
    "sqlite",
  ),
  table: optional(option("--dynamodb-table", string({ metavar: "NAME" }), {
    description: message`The table (else SLEAP_RTC_DYNAMODB_TABLE, else sleap-rtc-rooms)`,
  })),
  storeEndpoint: optional(option("--dynamodb-endpoint", string({ metavar: "URL" }), {
    description: message`Where DynamoDB answers, if not at AWS's own address (for stand-ins)`,
  })),
  createsTable: withDefault(
    flag("--create-table", { description: message`Make the table where it is missing` }),
    false,
  ),
  identity: withDefault(
    option("--identity", choice(["local", "cognito"], { metavar: "PROVIDER" }), {
      description:
        message`Who signs people in: this server itself, or the pool of COGNITO_USER_POOL_ID, COGNITO_REGION and COGNITO_APP_CLIENT_ID`,
    }),
    "local",
  ),
  identityEndpoint: optional(option("--cognito-endpoint", string({ metavar: "URL" }), {
    description: message`Where Cognito answers, if not at AWS's own address (for stand-ins)`,
  })),
});

/** How the server is reached. */
export const frontOptions = object("In front of it", {
  publicUrl: optional(option("--public-url", string({ metavar: "URL" }), {
    description: message`Where people reach the server, if not at its own port`,
  })),
  tlsCert: optional(option("--tls-cert", path({ metavar: "FILE" }), {
    description: message`The certificate and its chain, as PEM; turns TLS on`,
  })),
  tlsKey: optional(option("--tls-key", path({ metavar: "FILE" }), {
    description: message`The certificate's private key, as PEM`,
  })),
  isProxied: withDefault(
    flag("--trust-proxy", {
      description:
        message`Take the last address of X-Forwarded-For for the caller's: only behind a proxy of yours`,
    }),
    false,
  ),
});

/** How much of one stranger is borne. */
export const strangerLimitOptions = object("Strangers", {
  pendingPerAddressMax: withDefault(
    option("--max-pending-per-address", integer({ min: 1, max: 10_000, metavar: "N" }), {
      description:
        message`Connections of one address that are not WebSockets yet; with --trust-proxy the proxy is to count them`,
    }),
    500,
  ),
});

/** How much there may be, and of what kind. */
export const roomLimitOptions = object("Rooms", {
  roomsMax: withDefault(
    option("--max-rooms", integer({ min: 1, max: 10_000_000, metavar: "N" }), {
      description: message`Rooms that may exist at once`,
    }),
    10_000,
  ),
  registryPercent: withDefault(
    option("--registry-rollout", float({ min: 0, max: 100, metavar: "PERCENT" }), {
      description:
        message`Of 100 rooms, how many keep a registry of their own; the same rooms on every server (none where ENABLE_ROOM_REGISTRY is false)`,
    }),
    100,
  ),
});

/** What {@linkcode backendOptions} gives. */
export interface BackendFlags {
  readonly store: "sqlite" | "memory" | "dynamodb";
  readonly table: string | undefined;
  readonly storeEndpoint: string | undefined;
  readonly createsTable: boolean;
  readonly identity: "local" | "cognito";
  readonly identityEndpoint: string | undefined;
}

/** A table of DynamoDB. */
export interface DynamoSettings {
  readonly kind: "dynamodb";
  readonly table: string;
  readonly region: string;
  readonly endpoint?: string;
  readonly createsTable: boolean;
}

/**
 * What keeps the rooms.
 *
 * @throws {Mistake} Where DynamoDB's region is not known, or its address is none.
 */
export function storeOf(
  { store, table, storeEndpoint, createsTable }: BackendFlags,
  env: Io["env"],
): "sqlite" | "memory" | DynamoSettings {
  if (store !== "dynamodb") return store;
  const region = env("AWS_REGION") ?? env("AWS_DEFAULT_REGION");
  if (region === undefined || !/^[a-z0-9-]+$/.test(region)) {
    const got = region === undefined ? "none" : `\`${region}\``;
    throw new Mistake(
      `Expected a region such as eu-west-1 for --store dynamodb, got ${got}; set AWS_REGION`,
    );
  }
  return {
    kind: "dynamodb",
    table: table ?? env("SLEAP_RTC_DYNAMODB_TABLE") ?? TABLE_DEFAULT,
    region,
    createsTable,
    ...(storeEndpoint === undefined
      ? {}
      : { endpoint: addressOf("--dynamodb-endpoint", storeEndpoint) }),
  } as const;
}

/**
 * Who signs people in; undefined for the server itself.
 *
 * @throws {Mistake} Where the environment does not name a Cognito pool and its client.
 */
export function identityOf(
  { identity, identityEndpoint }: BackendFlags,
  env: Io["env"],
): CognitoSettings & { readonly kind: "cognito"; readonly clientId: string } | undefined {
  if (identity === "local") return undefined;
  const flags = { userPoolId: undefined, region: undefined, endpoint: identityEndpoint };
  const settings = cognitoSettings(flags, env);
  const clientId = env("COGNITO_APP_CLIENT_ID");
  if (clientId === undefined) {
    throw new Mistake(
      "Expected the pool's app client for --identity cognito, got none; set COGNITO_APP_CLIENT_ID",
    );
  }
  return { kind: "cognito", ...settings, clientId } as const;
}

/**
 * The certificate and its key; undefined for a server without TLS.
 *
 * @throws {Mistake} Where one of the two is missing, is not what it should be, or is not the other's.
 */
export async function tlsOf(
  { tlsCert, tlsKey }: {
    readonly tlsCert: string | undefined;
    readonly tlsKey: string | undefined;
  },
): Promise<{ readonly cert: string; readonly key: string } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    const [given, missing] = tlsKey === undefined
      ? ["--tls-cert", "--tls-key"]
      : ["--tls-key", "--tls-cert"];
    throw new Mistake(`Expected ${missing} besides ${given}, got none; TLS needs both`);
  }
  const cert = await pemOf("--tls-cert", tlsCert);
  const key = await pemOf("--tls-key", tlsKey);
  const certificate = readAs(
    "a certificate",
    "--tls-cert",
    tlsCert,
    () => new X509Certificate(cert),
  );
  const privateKey = readAs("a private key", "--tls-key", tlsKey, () => createPrivateKey(key));
  // The listener would take both, and no handshake would ever end well.
  if (certificate.checkPrivateKey(privateKey)) return { cert, key };
  throw new Mistake(
    `Expected the key of the certificate in ${tlsCert} for --tls-key, got another in ${tlsKey}`,
  );
}

function readAs<T>(what: string, from: string, path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Mistake(`Expected ${what} for ${from}, got something else in ${path}`, { cause });
  }
}

/**
 * Which rooms keep a registry of their own.
 *
 * @throws {Mistake} Where `ENABLE_ROOM_REGISTRY` is neither true nor false.
 */
export function rolloutOf(
  percent: number,
  env: Io["env"],
): { readonly isEnabled: boolean; readonly percent: number } {
  const text = env("ENABLE_ROOM_REGISTRY")?.toLowerCase() ?? "true";
  if (["true", "1", "yes", "on"].includes(text)) return { isEnabled: true, percent };
  if (["false", "0", "no", "off"].includes(text)) return { isEnabled: false, percent };
  throw new Mistake(`Expected ENABLE_ROOM_REGISTRY to be true or false, got \`${text}\``);
}

/**
 * An address that people type, without a slash at its end.
 *
 * @throws {Mistake} Where it is none of `http` or `https`.
 */
export function addressOf(from: string, text: string): string {
  const scheme = URL.canParse(text) ? new URL(text).protocol : "";
  if (scheme === "http:" || scheme === "https:") return text.replace(/\/+$/, "");
  throw new Mistake(
    `Expected an address such as https://lab.example.org for ${from}, got \`${text}\``,
  );
}

async function pemOf(from: string, path: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new Mistake(`Expected a file that can be read for ${from}, got ${path}`, { cause });
  }
  if (text.includes("-----BEGIN ")) return text;
  throw new Mistake(`Expected PEM, which begins with -----BEGIN, for ${from}, got ${path}`);
}
