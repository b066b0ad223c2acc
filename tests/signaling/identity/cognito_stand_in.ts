/** A real user pool for tests: `cognito-local` in a process and a folder of its own. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  AdminCreateUserCommand,
  CognitoIdentityProviderClient,
  CreateUserPoolClientCommand,
  CreateUserPoolCommand,
  ListUsersCommand,
} from "@aws-sdk/client-cognito-identity-provider";

/**
 * Not in `deno.json`: it brings 100 MB of its own, which nobody who runs the product should load. Its
 * versions are held by a lock file of its own.
 */
const PACKAGE = "npm:cognito-local@5.3.0";
const LOCK = fileURLToPath(new URL("./cognito_local.lock", import.meta.url));
/** How long the process may take to answer; at the very first time it is downloaded. */
const START_MS_MAX = 180_000;

/** The pool, and who is in it. */
export interface CognitoStandIn {
  readonly region: string;
  readonly endpoint: string;
  readonly userPoolId: string;
  readonly clientId: string;
  usernames(): Promise<string[]>;
  /** Makes a user that is not anonymous. */
  addPerson(username: string): Promise<void>;
  /** Has everybody been made and changed at `date`, and starts again. */
  makeAllOf(date: Date): Promise<void>;
  stop(): Promise<void>;
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function untilHealthy(endpoint: string, process: Deno.ChildProcess): Promise<void> {
  let ending: string | undefined;
  process.status.then(({ code }) => ending = `cognito-local ended with ${code} before it answered`);
  const deadline = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      const response = await fetch(`${endpoint}/health`);
      await response.body?.cancel();
      if (response.ok) return;
    } catch (error) {
      if (ending !== undefined) throw new Error(ending, { cause: error });
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Starts it. What the SDK needs as credentials is set for this process: the stand-in takes any. */
export async function startCognito(): Promise<CognitoStandIn> {
  Deno.env.set("AWS_ACCESS_KEY_ID", "nobody");
  Deno.env.set("AWS_SECRET_ACCESS_KEY", "nothing");
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(join(folder, ".cognito"));
  // Its own default wants names that are e-mail addresses, whatever the pool says.
  const config = { UserPoolDefaults: { UsernameAttributes: [] } };
  await Deno.writeTextFile(join(folder, ".cognito", "config.json"), JSON.stringify(config));
  const port = freePort();
  const spawn = () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", "--lock", LOCK, "--frozen", PACKAGE],
      cwd: folder,
      env: { HOST: "127.0.0.1", PORT: String(port) },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  let process = spawn();
  const kill = async () => {
    try {
      process.kill("SIGKILL");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await process.status;
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new CognitoIdentityProviderClient({ region: "local", endpoint });
  const stop = async () => {
    client.destroy();
    await kill();
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await untilHealthy(endpoint, process);
    const { UserPool } = await client.send(
      new CreateUserPoolCommand({ PoolName: "lab" }),
    );
    const UserPoolId = UserPool?.Id;
    const { UserPoolClient } = await client.send(
      new CreateUserPoolClientCommand({ UserPoolId, ClientName: "sleap-rtc" }),
    );
    const clientId = UserPoolClient?.ClientId;
    assert(UserPoolId !== undefined && clientId !== undefined);
    return {
      region: "local",
      endpoint,
      userPoolId: UserPoolId,
      clientId,
      usernames: async () => {
        const { Users } = await client.send(new ListUsersCommand({ UserPoolId }));
        return (Users ?? []).map(({ Username }) => Username ?? "").sort();
      },
      addPerson: async (Username) => {
        await client.send(
          new AdminCreateUserCommand({ UserPoolId, Username, MessageAction: "SUPPRESS" }),
        );
      },
      makeAllOf: async (date) => {
        await kill();
        const file = join(folder, ".cognito", "db", `${UserPoolId}.json`);
        const text = await Deno.readTextFile(file);
        const dates = /("User(?:Create|LastModified)Date": )"[^"]*"/g;
        await Deno.writeTextFile(file, text.replace(dates, `$1"${date.toISOString()}"`));
        process = spawn();
        await untilHealthy(endpoint, process);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
