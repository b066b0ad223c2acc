/** The signaling server as one running thing: listens, keeps rooms alive, stops in order. Decides nothing. */

import { randomBytes } from "node:crypto";
import type { Log } from "../lib/base/log.ts";
import type { Clock } from "../lib/base/time.ts";
import { createApp } from "./app.ts";
import { callerOf } from "./caller.ts";
import { Guesses } from "./guesses.ts";
import { Housekeeping } from "./housekeeping.ts";
import { Attendance } from "./identity/attendance.ts";
import { type IdentityChoice, openIdentity } from "./identity/open_identity.ts";
import { TOUCH_MS } from "./identity/user_cleanup.ts";
import { limitsWith, type SignalingLimits } from "./limits.ts";
import { LogBrake } from "./log_brake.ts";
import { listen, type Listener, type Tls } from "./listener.ts";
import { Metrics } from "./metrics.ts";
import { connectionsWithin, openFilesMax } from "./open_files.ts";
import { EVERY_ROOM, keepsRegistry, type RegistryRollout } from "./rollout.ts";
import { openStore, type StoreChoice } from "./store/open_store.ts";
import { Switchboard } from "./switchboard.ts";
import { Upgrades } from "./upgrade.ts";

/** Where a server listens and what it keeps. */
export interface SignalingOptions {
  readonly hostname: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Made where it is missing; the local identity's keys live here, and the rooms with `sqlite`. */
  readonly dataFolder: string;
  readonly store: "sqlite" | "memory" | Extract<StoreChoice, { kind: "dynamodb" }>;
  /** Whose identities make rooms: this server's own where left out. */
  readonly identity?: Extract<IdentityChoice, { kind: "cognito" }> | undefined;
  /** Which rooms keep a registry of their own: all where left out. */
  readonly rollout?: RegistryRollout;
  readonly tls?: Tls | undefined;
  /** Where people reach the server, if not at its port. */
  readonly publicUrl?: string | undefined;
  /** Whether a proxy of ours stands before it, whose `X-Forwarded-For` is believed. */
  readonly isProxied?: boolean;
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
 * @throws {Error} Where a limit is wrong, the data folder, store or identity cannot be used, or the
 * port is taken (`EADDRINUSE`).
 */
export async function startSignaling(
  options: SignalingOptions,
  wholeLog: Log,
): Promise<SignalingServer> {
  const { dataFolder, rollout = EVERY_ROOM, isProxied = false } = options;
  const limits = limitsWith(options.limits ?? {});
  const log = new LogBrake(wholeLog, CLOCK, limits.notices);
  await Deno.mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const identity = await openIdentity(options.identity ?? { kind: "local", folder: dataFolder }, {
    clock: CLOCK,
    randomBytes,
    log,
  });
  const choice: StoreChoice = options.store === "sqlite"
    ? { kind: "sqlite", folder: dataFolder }
    : options.store === "memory"
    ? { kind: "memory" }
    : options.store;
  const store = await openStore(choice, { clock: CLOCK, log }).catch(async (error: unknown) => {
    await identity.close();
    throw error;
  });
  const guesses = new Guesses(limits);
  const attendance = new Attendance(identity, log);
  const metrics = new Metrics(() => switchboard.counts());
  const housekeeping = new Housekeeping(
    { store, clock: CLOCK, log, meter: metrics },
    limits,
  );
  const switchboard: Switchboard = new Switchboard({
    gate: { store, identity, clock: CLOCK, guesses, log },
    clock: CLOCK,
    randomBytes,
    log,
    meter: metrics,
    attendance,
    limits,
    keepsRegistry: (roomId) => keepsRegistry(roomId, rollout),
    keepRoom: (roomId) => housekeeping.keep(roomId, switchboard),
  });
  const app = createApp({
    rooms: switchboard,
    store,
    identity,
    clock: CLOCK,
    randomBytes,
    log,
    meter: metrics,
    metrics,
    limits,
    guesses,
    publicUrl: options.publicUrl,
  });
  const upgrades = new Upgrades(switchboard, limits, isProxied);
  const release = async () => {
    await housekeeping.finished(limits.stopMs);
    await attendance.finished();
    await store.close();
    await identity.close();
  };

  const connectionsMax = connectionsWithin(await openFilesMax(), limits.connectionsMax);
  if (connectionsMax < limits.connectionsMax) {
    const fields = { wanted: limits.connectionsMax, got: connectionsMax };
    log.write("warning", "The system's limit of open files allows fewer connections", fields);
  }

  let listener: Listener;
  try {
    listener = await listen({ ...options, ...limits, connectionsMax, isProxied }, {
      answer: (request, remote) => app.fetch(request, callerOf(request.headers, remote, isProxied)),
      upgrade: (incoming, connection, head) => upgrades.upgrade(incoming, connection, head),
      turnedAway: (code) => metrics.count({ kind: "refused", by: "connection", code }),
    }, log);
  } catch (error) {
    await release();
    throw error;
  }
  const keepAll = () => {
    for (const roomId of switchboard.mannedRoomIds) housekeeping.keep(roomId, switchboard);
  };
  housekeeping.sweep();
  const timers = [
    setInterval(() => switchboard.tick(), limits.tickMs),
    setInterval(keepAll, limits.keepMs),
    setInterval(() => attendance.keepAll(), TOUCH_MS),
    setInterval(() => {
      keepAll();
      housekeeping.sweep();
    }, limits.sweepMs),
  ];
  const { url } = listener;
  log.write("info", "The signaling server listens", {
    url,
    store: choice.kind,
    identity: options.identity?.kind ?? "local",
    registry_percent: rollout.isEnabled ? rollout.percent : 0,
  });

  let stopping: Promise<void> | undefined;
  const stop = async () => {
    for (const timer of timers) clearInterval(timer);
    attendance.drain();
    switchboard.drain();
    await upgrades.allClosed(limits.stopMs);
    await listener.close(limits.stopMs);
    await release();
    log.write("info", "The signaling server has stopped", { url });
  };
  return { url, stop: () => stopping ??= stop() };
}
