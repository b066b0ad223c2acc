/** What the options of `signal` and the environment make of a server. */

import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { CERTIFICATE, CERTIFICATE_KEY } from "../signaling/test_certificate.ts";
import { addressOf, identityOf, rolloutOf, storeOf, tlsOf } from "../../lib/cli/signal_option.ts";

const FLAGS = {
  store: "sqlite",
  table: undefined,
  storeEndpoint: undefined,
  createsTable: false,
  identity: "local",
  identityEndpoint: undefined,
} as const;
const env = (settings: Readonly<Record<string, string>>) => (name: string) => settings[name];

/** A key of no certificate. */
const OTHER_KEY = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;

Deno.test("a store needs no more than its name, but for DynamoDB, which needs a region", () => {
  equal(storeOf(FLAGS, env({})), "sqlite");
  const dynamo = { ...FLAGS, store: "dynamodb" } as const;
  const made = { kind: "dynamodb", region: "eu-west-1", createsTable: false } as const;
  const region = { AWS_REGION: "eu-west-1" };
  deepEqual(storeOf(dynamo, env(region)), { ...made, table: "sleap-rtc-rooms" });
  const named = { ...region, SLEAP_RTC_DYNAMODB_TABLE: "rooms" };
  deepEqual(storeOf(dynamo, env(named)), { ...made, table: "rooms" });
  const endpoint = "http://127.0.0.1:4567";
  deepEqual(storeOf({ ...dynamo, table: "t", storeEndpoint: `${endpoint}/` }, env(named)), {
    ...made,
    table: "t",
    endpoint,
  });
  throws(() => storeOf(dynamo, env({})), /Expected a region.*got none; set AWS_REGION/);
  throws(() => storeOf(dynamo, env({ AWS_REGION: "../x" })), /got `..\/x`/);
});

Deno.test("Cognito needs a pool and its client", () => {
  equal(identityOf(FLAGS, env({})), undefined);
  const cognito = { ...FLAGS, identity: "cognito" } as const;
  const pool = { COGNITO_USER_POOL_ID: "eu-west-1_AbCdEfGhI" };
  deepEqual(identityOf(cognito, env({ ...pool, COGNITO_APP_CLIENT_ID: "app" })), {
    kind: "cognito",
    userPoolId: "eu-west-1_AbCdEfGhI",
    region: "eu-west-1",
    clientId: "app",
  });
  throws(() => identityOf(cognito, env({})), /Expected a Cognito user pool/);
  throws(() => identityOf(cognito, env(pool)), /set COGNITO_APP_CLIENT_ID/);
});

Deno.test("the registry is on unless the environment says otherwise in a word that means it", () => {
  for (const [word, isEnabled] of [["true", true], ["1", true], ["False", false], ["off", false]]) {
    const { isEnabled: found } = rolloutOf(50, env({ ENABLE_ROOM_REGISTRY: String(word) }));
    equal(found, isEnabled, String(word));
  }
  deepEqual(rolloutOf(10, env({})), { isEnabled: true, percent: 10 });
  throws(() => rolloutOf(10, env({ ENABLE_ROOM_REGISTRY: "maybe" })), /got `maybe`/);
});

Deno.test("TLS wants a certificate and the key of it, both as PEM", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "cert.pem");
    const tlsKey = join(folder, "absent.pem");
    const keyFile = join(folder, "key.pem");
    await Deno.writeTextFile(file, CERTIFICATE);
    await Deno.writeTextFile(keyFile, CERTIFICATE_KEY);
    equal(await tlsOf({ tlsCert: undefined, tlsKey: undefined }), undefined);
    deepEqual(await tlsOf({ tlsCert: file, tlsKey: keyFile }), {
      cert: CERTIFICATE,
      key: CERTIFICATE_KEY,
    });
    await rejects(tlsOf({ tlsCert: file, tlsKey: file }), /a private key for --tls-key, got/);
    await rejects(
      tlsOf({ tlsCert: keyFile, tlsKey: keyFile }),
      /a certificate for --tls-cert, got/,
    );
    await Deno.writeTextFile(keyFile, OTHER_KEY);
    await rejects(
      tlsOf({ tlsCert: file, tlsKey: keyFile }),
      /the key of the certificate .* another/,
    );
    await rejects(
      tlsOf({ tlsCert: file, tlsKey: undefined }),
      /Expected --tls-key besides --tls-cert/,
    );
    await rejects(
      tlsOf({ tlsCert: undefined, tlsKey: file }),
      /Expected --tls-cert besides --tls-key/,
    );
    await rejects(tlsOf({ tlsCert: file, tlsKey }), /can be read for --tls-key/);
    await Deno.writeTextFile(tlsKey, "no key");
    await rejects(tlsOf({ tlsCert: file, tlsKey }), /Expected PEM/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an address is one of the web, without a slash at its end", () => {
  equal(addressOf("--public-url", "https://lab.example.org/"), "https://lab.example.org");
  for (const text of ["lab", "ftp://lab", ""]) {
    throws(() => addressOf("--public-url", text), /Expected an address .* for --public-url/);
  }
});
