/** The command `signal`: runs a signaling server until it is asked to stop. */

import { join } from "node:path";
import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { integer, string } from "@optique/core/valueparser";
import { path } from "@optique/run/valueparser";
import { Failure } from "../base/failure.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import { logOptions, openLog } from "./log_option.ts";
import { Mistake } from "./mistake.ts";
import {
  addressOf,
  backendOptions,
  frontOptions,
  identityOf,
  rolloutOf,
  roomLimitOptions,
  storeOf,
  strangerLimitOptions,
  tlsOf,
} from "./signal_option.ts";

const parser = merge(
  object({
    host: withDefault(
      option("--host", string({ metavar: "ADDRESS" }), {
        description: message`The address to listen on; 127.0.0.1 keeps it to this machine`,
      }),
      "0.0.0.0",
    ),
    port: withDefault(
      option("--port", integer({ min: 0, max: 65_535, metavar: "PORT" }), {
        description: message`The port to listen on; 0 for any free one`,
      }),
      8080,
    ),
    data: optional(option("--data", path({ metavar: "FOLDER", type: "directory" }), {
      description: message`Where rooms and keys are kept (by default ~/.sleap-rtc/signal)`,
    })),
    json: withDefault(
      flag("--json", { description: message`Print the ready line as a JSON object` }),
      false,
    ),
  }),
  backendOptions,
  frontOptions,
  strangerLimitOptions,
  roomLimitOptions,
  logOptions,
);

/** `sleap-rtc signal`. */
export const signalCommand = defineCommand({
  name: "signal",
  purpose: "Run a signaling server",
  examples: [
    "sleap-rtc signal",
    "sleap-rtc signal --host 127.0.0.1 --port 9000 --data /srv/sleap-rtc",
    "sleap-rtc signal --tls-cert lab.pem --tls-key lab.key --public-url https://lab.example.org",
    "sleap-rtc signal --host 127.0.0.1 --trust-proxy --registry-rollout 10",
    "AWS_REGION=… sleap-rtc signal --store dynamodb --identity cognito",
    "sleap-rtc signal --port 0 --store memory --json",
  ],
  exits: ["serverUnreachable"],
  parser,
  async run(given, io) {
    const { host, port, data, json, isProxied, roomsMax, pendingPerAddressMax } = given;
    const publicUrl = given.publicUrl === undefined
      ? undefined
      : addressOf("--public-url", given.publicUrl);
    const options = {
      store: storeOf(given, io.env),
      identity: identityOf(given, io.env),
      rollout: rolloutOf(given.registryPercent, io.env),
      tls: await tlsOf(given),
      publicUrl,
      isProxied,
      limits: { roomsMax, pendingPerAddressMax },
    };
    const { installationFolder } = await import("../runtime/config.ts");
    const { startSignaling } = await import("../../signaling/server.ts");
    const { SetupError } = await import("../../signaling/setup_error.ts");
    const { StoreUnavailable } = await import("../../signaling/store/store.ts");
    const dataFolder = data ?? join(installationFolder(io.env), "signal");
    const interruption = io.interruption();
    const { log, stop } = await openLog(given, io, "info");
    try {
      const server = await startSignaling({ hostname: host, port, dataFolder, ...options }, log)
        .catch((error: unknown) => {
          if (error instanceof SetupError) throw new Mistake(error.message, { cause: error });
          if (error instanceof StoreUnavailable) {
            throw new Failure("server_unreachable", error.message, { cause: error.cause });
          }
          throw explained(error, { host, port, dataFolder });
        });
      try {
        const url = publicUrl ?? server.url;
        if (json) io.out(JSON.stringify({ event: "ready", url }));
        else {
          io.out(`Signaling server ready at ${url}`);
          io.err(`Next: sleap-rtc create-room --server ${url}`);
        }
        await aborted(interruption);
      } finally {
        await server.stop();
      }
      return EXIT.ok;
    } finally {
      stop();
    }
  },
});

/** What the system refused, as something that the person can put right; other errors as they are. */
function explained(
  cause: unknown,
  { host, port, dataFolder }: { host: string; port: number; dataFolder: string },
): unknown {
  const code = codeOf(cause);
  if (code === "EADDRINUSE") {
    return new Mistake(
      `Expected port ${port} of ${host} to be free, got one that is taken; stop what listens there, or give another --port (0 for any)`,
      { cause },
    );
  }
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EINVAL") {
    return new Mistake(
      `Expected an address of this machine for --host, got ${host}; 0.0.0.0 stands for all of them`,
      { cause },
    );
  }
  const isForbidden = code === "EACCES" || cause instanceof Deno.errors.PermissionDenied ||
    cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory;
  if (!isForbidden) return cause;
  return new Mistake(
    `Expected to listen on ${host}:${port} and to keep files in ${dataFolder}, got refused by the system; give another --port (from 1024) or --data`,
    { cause },
  );
}

/** Resolves once `signal` is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

/** The system's name of an error, such as `EADDRINUSE`. */
function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
