/** `cleanup-cognito` against a Cognito of our own for pages and throttling, and against cognito-local. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../lib/base/time.ts";
import { cleanupCognitoCommand } from "../../lib/cli/cleanup_cognito.ts";
import { CognitoIdentity } from "../../signaling/identity/cognito.ts";
import { startCognito } from "../signaling/identity/cognito_stand_in.ts";
import { type FakeCognitoOptions, type FakeUser, startFakeCognito } from "./fake_cognito.ts";
import { type FakeIo, fakeIo, type FakeIoOptions } from "./fake_io.ts";

const POOL = "eu-west-1_Fake";
const OLD: FakeUser[] = Array.from({ length: 130 }, (_, index) => ({
  username: `anonymous-${index}`,
  ageMs: 2 * DAY_MS,
}));
const PEOPLE: FakeUser[] = [
  { username: "anna.rossi", ageMs: 900 * DAY_MS },
  { username: "anonymous-young", ageMs: HOUR_MS },
  { username: "anonymous-connected", ageMs: 9 * DAY_MS, idleMs: 20 * MINUTE_MS },
];

async function cleanUp(
  options: FakeCognitoOptions,
  args: readonly string[],
  ioOptions: FakeIoOptions = {},
): Promise<
  { code: number; io: FakeIo; deleted: readonly string[]; operations: readonly string[] }
> {
  const { endpoint, deleted, operations, stop } = startFakeCognito(options);
  const io = fakeIo({ env: { COGNITO_USER_POOL_ID: POOL }, ...ioOptions });
  try {
    const code = await cleanupCognitoCommand.execute(["--endpoint", endpoint, ...args], io);
    return { code, io, deleted, operations };
  } finally {
    await stop();
  }
}

Deno.test("cleanup-cognito follows every page, short and empty ones too, and deletes what is left over", async () => {
  const pages = [OLD.slice(0, 60), [], OLD.slice(60, 61), PEOPLE, [], OLD.slice(61), []];
  const { code, io, deleted, operations } = await cleanUp({ pages }, ["--json"]);
  equal(code, 0, io.errLines.join("\n"));
  deepEqual(deleted, OLD.map(({ username }) => username));
  equal(operations.filter((operation) => operation === "ListUsers").length, 7);
  equal(io.outLines.length, 1);
  const { took_ms, ...report } = JSON.parse(io.outLines[0] ?? "");
  ok(took_ms >= 0);
  deepEqual(report, {
    ok: true,
    user_pool_id: POOL,
    older_than_ms: DAY_MS,
    dry_run: false,
    pages: 7,
    users: 133,
    anonymous: 132,
    deleted: 130,
    in_use: 1,
    young: 1,
    retries: 0,
  });
});

Deno.test("cleanup-cognito --dry-run names them and deletes none", async () => {
  const pages = [OLD.slice(0, 2), PEOPLE];
  const { code, io, deleted } = await cleanUp({ pages }, ["--dry-run", "--older-than", "1h"]);
  equal(code, 0);
  deepEqual(deleted, []);
  const text = io.outLines.join("\n");
  match(text, /^Would delete anonymous-0, made 20\d\d-.*Z$/m);
  match(text, /^Would delete anonymous-1, /m);
  match(text, /^Would delete 3 anonymous users not used for 1h, of 4 /m);
  match(text, /^Kept 1 in use and 0 younger$/m);
});

Deno.test("cleanup-cognito takes users that are named by a UUID only when told, and never a person", async () => {
  const guest = "6f1c1e5e-8d5b-4b43-9f0e-0c8f1f6f2a11";
  const person = "7a1c1e5e-8d5b-4b43-9f0e-0c8f1f6f2a22";
  const pages = [[
    { username: guest, ageMs: 2 * DAY_MS },
    { username: person, ageMs: 2 * DAY_MS, email: "anna@example.org" },
  ]];
  deepEqual((await cleanUp({ pages }, [])).deleted, []);
  deepEqual((await cleanUp({ pages }, ["--uuid-names"])).deleted, [guest]);
});

Deno.test("cleanup-cognito backs off when it is throttled, and finishes", async () => {
  let throttled = 0;
  const trouble = (n: number) => {
    if (n !== 0 && n !== 3) return undefined;
    throttled++;
    return { status: 400, type: "TooManyRequestsException" };
  };
  const start = performance.now();
  const { code, io, deleted } = await cleanUp(
    { pages: [OLD.slice(0, 5)], trouble },
    ["--json"],
  );
  equal(code, 0, io.errLines.join("\n"));
  equal(throttled, 2);
  equal(deleted.length, 5);
  equal(JSON.parse(io.outLines[0] ?? "").retries, 2);
  ok(performance.now() - start >= 200, "it waited");
});

Deno.test("cleanup-cognito shows a bar on a terminal, and leaves none behind", async () => {
  // The estimate is throttled at first, too.
  const trouble = (n: number) => n === 0 ? { status: 429, type: "ThrottlingException" } : undefined;
  const options = { pages: [OLD, PEOPLE], trouble };
  const { code, io } = await cleanUp(options, [], {
    isTerminal: true,
    env: { COGNITO_USER_POOL_ID: POOL },
  });
  equal(code, 0);
  match(io.drawn.join(""), /[█░]{24} \d+ % {2}\d+ of about 133 users {2}\d+ deleted/);
  equal(io.drawn.at(-1), "\r\u001b[K");
  match(io.outLines.join("\n"), /^Deleted 130 anonymous users/m);
});

Deno.test("cleanup-cognito that is stopped says what it did, and the next run does the rest", async () => {
  const { endpoint, deleted, stop } = startFakeCognito({
    pages: [OLD.slice(0, 3), OLD.slice(3, 5)],
    trouble: (n) => {
      if (n === 3) first.controller.abort("SIGTERM");
      return undefined;
    },
  });
  const env = { COGNITO_USER_POOL_ID: POOL };
  const first = fakeIo({ env });
  try {
    const args = ["--endpoint", endpoint];
    equal(await cleanupCognitoCommand.execute(args, first), 143);
    match(first.outLines.join("\n"), /^Deleted 3 .*\n.*\nStopped before the end: run it again/m);
    const second = fakeIo({ env });
    equal(await cleanupCognitoCommand.execute([...args, "--json"], second), 0);
    equal(JSON.parse(second.outLines[0] ?? "").deleted, 2);
    equal(deleted.length, 5);
  } finally {
    await stop();
  }
});

Deno.test("cleanup-cognito that is refused, or given nonsense, says what to do", async () => {
  const cases: [string[], FakeCognitoOptions["trouble"], Record<string, string>, number, RegExp][] =
    [
      [[], undefined, {}, 2, /got none; give --user-pool-id ID, or set COGNITO_USER_POOL_ID/],
      [["--user-pool-id", "x"], undefined, {}, 2, /such as eu-west-1_AbCdEfGhI, got `x`/],
      [["--older-than", "59m"], undefined, { COGNITO_USER_POOL_ID: POOL }, 2, /at least 1h/],
      [["--older-than", "soon"], undefined, { COGNITO_USER_POOL_ID: POOL }, 2, /got `soon`/],
      [["--region", "%"], undefined, { COGNITO_USER_POOL_ID: POOL }, 2, /a region such as/],
      [
        [],
        () => ({ status: 400, type: "AccessDeniedException" }),
        { COGNITO_USER_POOL_ID: POOL },
        5,
        /check the pool's id, the region and the AWS credentials/,
      ],
      [
        ["--json"],
        () => ({ status: 400, type: "ResourceNotFoundException" }),
        { COGNITO_USER_POOL_ID: POOL },
        5,
        /got refused/,
      ],
    ];
  for (const [args, trouble, env, wanted, message] of cases) {
    const options = { pages: [OLD], ...(trouble === undefined ? {} : { trouble }) };
    const { code, io, deleted } = await cleanUp(options, args, { env });
    equal(code, wanted, io.errLines.join("\n"));
    match(io.errLines.join("\n"), message);
    equal(io.outLines.length, args.includes("--json") ? 1 : 0);
    deepEqual(deleted, []);
  }
});

Deno.test("cleanup-cognito works on what sign-in leaves in a pool, and spares who is connected", async () => {
  const pool = await startCognito();
  const ports = { clock: { now: () => 0, wallMs: () => Date.now() }, randomBytes, log: SILENT_LOG };
  const identity = new CognitoIdentity(pool, ports);
  try {
    const names = [];
    for (let user = 0; user < 3; user++) names.push((await identity.anonymousSignIn()).username);
    await pool.addPerson("anna.rossi");
    const connected = await identity.anonymousSignIn();
    const verdict = await identity.verify(connected.id_token);
    ok(verdict.ok);
    await pool.makeAllOf(new Date(Date.now() - 2 * HOUR_MS));
    await identity.keep(verdict.subject);

    const io = fakeIo({ env: { COGNITO_USER_POOL_ID: pool.userPoolId } });
    const args = ["--endpoint", pool.endpoint, "--older-than", "1h", "--json"];
    equal(await cleanupCognitoCommand.execute(args, io), 0, io.errLines.join("\n"));
    const { deleted, in_use } = JSON.parse(io.outLines[0] ?? "");
    deepEqual({ deleted, in_use }, { deleted: 3, in_use: 1 });
    deepEqual(await pool.usernames(), ["anna.rossi", connected.username]);
  } finally {
    await identity.close();
    await pool.stop();
  }
});
