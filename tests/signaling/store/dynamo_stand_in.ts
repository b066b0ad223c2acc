/** A DynamoDB for tests, in this process, and bad weather on the way to it. */

import assert from "node:assert/strict";
import type { Server } from "node:http";
import dynalite from "dynalite";

/** Starts `dynalite`. What the SDK needs as credentials is set for this process: it takes any. */
export async function startDynalite(): Promise<{ endpoint: string; stop(): Promise<void> }> {
  Deno.env.set("AWS_ACCESS_KEY_ID", "nobody");
  Deno.env.set("AWS_SECRET_ACCESS_KEY", "nothing");
  const server: Server = dynalite({ createTableMs: 0 });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** What stands between the store and its table. */
export type Weather = "clear" | "failing" | "silent";

/** The way to a service. */
export interface WeatherStation {
  readonly endpoint: string;
  /** How many requests have come so far. */
  requests(): number;
  become(next: Weather): void;
  stop(): Promise<void>;
}

/** Passes requests on to `target`, or does not. */
export function startWeather(target: string): WeatherStation {
  let weather: Weather = "clear";
  let calm: (() => void)[] = [];
  let requests = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (ask) => {
    requests++;
    if (weather === "failing") return new Response("{}", { status: 500 });
    if (weather === "silent") {
      await new Promise<void>((resolve) => calm.push(resolve));
      return new Response("{}", { status: 500 });
    }
    const body = await ask.arrayBuffer();
    return await fetch(target, { method: "POST", headers: ask.headers, body });
  });
  return {
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    requests: () => requests,
    become(next: Weather): void {
      weather = next;
      for (const resolve of calm) resolve();
      calm = [];
    },
    stop: () => server.shutdown(),
  };
}
