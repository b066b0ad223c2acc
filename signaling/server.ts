/** The signaling server as one running thing: listens, keeps rooms alive, stops in order. Decides nothing. */

import { randomBytes } from "node:crypto";
import type { Log } from "../lib/base/log.ts";
import type { Clock } from "../lib/base/time.ts";
import { createApp } from "./app.ts";
import { Buckets } from "./bucket.ts";
import { Housekeeping } from "./housekeeping.ts";
import { HttpRefusal } from "./http_refusal.ts";
import { LocalIdentity } from "./identity/local.ts";
import { limitsWith, type SignalingLimits } from "./limits.ts";
import { MemoryStore } from "./store/memory.ts";
import { SqliteStore } from "./store/sqlite.ts";
import { Switchboard } from "./switchboard.ts";
import { Upgrades } from "./upgrade.ts";

/** Where a server listens and what it keeps. */
export interface SignalingOptions {
  readonly hostname: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Made where it is missing; the identity's key lives here, and the rooms with `sqlite`. */
  readonly dataFolder: string;
  readonly store: "sqlite" | "memory";
  /** Limits that differ from the usual ones. */
  readonly limits?: Partial<SignalingLimits>;
}

/** A running server. */
export interface SignalingServer {
  /** `http://host:port`, as peers on this machine reach it. */
  readonly url: string;
  /** Tells the peers, closes every socket, and gives back all that the server holds. */
  stop(): Promise<void>;
}

const CLOCK: Clock = { now: () => performance.now(), wallMs: () => Date.now() };

/**
 * Starts a server.
 *
 * @throws {Error} Where a limit is wrong, the data folder cannot be used, or the port is taken.
 */
export async function startSignaling(
  options: SignalingOptions,
  log: Log,
): Promise<SignalingServer> {
  const limits = limitsWith(options.limits ?? {});
  await Deno.mkdir(options.dataFolder, { recursive: true, mode: 0o700 });
  const identity = await LocalIdentity.open(options.dataFolder, CLOCK, randomBytes);
  const store = options.store === "sqlite"
    ? new SqliteStore(options.dataFolder)
    : new MemoryStore();
  const guesses = new Buckets(limits.guesses);
  const housekeeping = new Housekeeping({ store, clock: CLOCK, log }, limits.roomTtlSeconds);
  const switchboard = new Switchboard({
    gate: { store, clock: CLOCK, guesses },
    clock: CLOCK,
    randomBytes,
    log,
    limits,
    keepRoom: (roomId) => housekeeping.keep(roomId, switchboard),
  });
  const app = createApp({
    rooms: switchboard,
    store,
    identity,
    clock: CLOCK,
    randomBytes,
    log,
    limits,
    guesses,
  });
  const upgrades = new Upgrades(switchboard, limits);

  let server: Deno.HttpServer<Deno.NetAddr>;
  const stopped = new AbortController();
  try {
    server = Deno.serve({
      hostname: options.hostname,
      port: options.port,
      signal: stopped.signal,
      // Deno would print the address; ours goes to the log below.
      onListen: () => {},
      onError: (error) => {
        log.write("error", "A request failed", { error: String(error) });
        const refused = new HttpRefusal(500, "INTERNAL", "The server failed at this request");
        return Response.json(refused.body, { status: refused.status });
      },
    }, (request, info) => {
      const address = info.remoteAddr.hostname;
      return upgrades.accepts(request)
        ? upgrades.upgrade(request, address)
        : app.fetch(request, { address });
    });
  } catch (error) {
    await store.close();
    throw error;
  }
  const keepAll = () => {
    for (const roomId of switchboard.roomIds) housekeeping.keep(roomId, switchboard);
  };
  housekeeping.sweep();
  const timers = [
    setInterval(() => switchboard.tick(), limits.tickMs),
    setInterval(keepAll, limits.keepMs),
    setInterval(() => {
      keepAll();
      housekeeping.sweep();
    }, limits.sweepMs),
  ];
  const url = urlOf(server.addr);
  log.write("info", "The signaling server listens", { url, store: options.store });

  let stopping: Promise<void> | undefined;
  const stop = async () => {
    for (const timer of timers) clearInterval(timer);
    switchboard.drain();
    await upgrades.allClosed(limits.stopMs);
    stopped.abort();
    await server.finished;
    await housekeeping.finished();
    await store.close();
    log.write("info", "The signaling server has stopped", { url });
  };
  return { url, stop: () => stopping ??= stop() };
}

function urlOf({ hostname, port }: Deno.NetAddr): string {
  // A server that listens everywhere is reached at the loopback address from here.
  const host = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
