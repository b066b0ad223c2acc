/** A Cognito of our own: speaks `X-Amz-Target` JSON, with pages as short and as busy as a test wants. */

import assert from "node:assert/strict";
import { z } from "zod";

/** A user of the fake pool; ages in milliseconds. */
export interface FakeUser {
  readonly username: string;
  readonly ageMs: number;
  readonly idleMs?: number;
  readonly email?: string;
}

/** How the pool answers. */
export interface FakeCognitoOptions {
  readonly pages: readonly (readonly FakeUser[])[];
  /** The error that request number `n` (0 for the first) ends in; answers it where there is none. */
  trouble?(
    n: number,
    operation: string,
  ): { readonly status: number; readonly type: string } | undefined;
}

const bodySchema = z.object({
  UserPoolId: z.literal("eu-west-1_Fake"),
  Limit: z.int().min(1).max(60).optional(),
  PaginationToken: z.string().optional(),
  Username: z.string().optional(),
});

/** The running pool. */
export interface FakeCognito {
  readonly endpoint: string;
  readonly deleted: readonly string[];
  /** Every operation that was asked for, in order. */
  readonly operations: readonly string[];
  stop(): Promise<void>;
}

/** Starts it. */
export function startFakeCognito({ pages, trouble }: FakeCognitoOptions): FakeCognito {
  Deno.env.set("AWS_ACCESS_KEY_ID", "nobody");
  Deno.env.set("AWS_SECRET_ACCESS_KEY", "nothing");
  const deleted: string[] = [];
  const operations: string[] = [];
  const now = Date.now();
  const seconds = (ageMs: number) => (now - ageMs) / 1_000;
  const reply = (body: unknown, status = 200) =>
    new Response(JSON.stringify(body), {
      status,
      headers: { "content-type": "application/x-amz-json-1.1" },
    });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (ask) => {
    const [service, operation = ""] = (ask.headers.get("x-amz-target") ?? "").split(".");
    assert.equal(service, "AWSCognitoIdentityProviderService");
    assert.match(ask.headers.get("authorization") ?? "", /^AWS4-HMAC-SHA256 /);
    const body = bodySchema.parse(await ask.json());
    const error = trouble?.(operations.length, operation);
    operations.push(operation);
    if (error !== undefined) return reply({ __type: error.type, message: "No" }, error.status);
    switch (operation) {
      case "DescribeUserPool":
        return reply({ UserPool: { EstimatedNumberOfUsers: pages.flat().length } });
      case "AdminDeleteUser": {
        const name = body.Username ?? "";
        if (deleted.includes(name)) return reply({ __type: "UserNotFoundException" }, 400);
        deleted.push(name);
        return reply({});
      }
      case "ListUsers": {
        const page = Number(body.PaginationToken ?? 0);
        const users = (pages[page] ?? []).filter(({ username }) => !deleted.includes(username));
        return reply({
          Users: users.map(({ username, ageMs, idleMs = ageMs, email }) => ({
            Username: username,
            UserCreateDate: seconds(ageMs),
            UserLastModifiedDate: seconds(idleMs),
            Attributes: [
              { Name: "sub", Value: username },
              ...(email === undefined ? [] : [{ Name: "email", Value: email }]),
            ],
            Enabled: true,
            UserStatus: "CONFIRMED",
          })),
          ...(page + 1 < pages.length ? { PaginationToken: String(page + 1) } : {}),
        });
      }
    }
    return reply({ __type: "InvalidAction" }, 400);
  });
  return {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    deleted,
    operations,
    stop: () => server.shutdown(),
  };
}
