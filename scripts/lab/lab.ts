/**
 * A small lab of real processes on this machine: one signaling server, one room, some workers. For the
 * demo, the benches and the end-to-end tests; what it starts it also ends.
 */

import { join } from "node:path";
import { isPeerId, type PeerId } from "../../lib/base/id.ts";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { createRoom } from "../../lib/client/room_api.ts";
import { Session } from "../../lib/client/session.ts";
import { decodeInvite, encodeInvite } from "../../lib/protocol/invite.ts";
import type { RoomAccess, RtcChoice } from "../../lib/runtime/config.ts";
import { loadIdentity, newRoomSecret, type PeerIdentity } from "../../lib/runtime/credentials.ts";
import { type Line, Program } from "./program.ts";
import { LOOPBACK, type Place, SERVER_PLACE, type Site } from "./site.ts";

/** For a process to come up: a first run from source also compiles. */
const START_MS = 60_000;

const LIST_POLL_MS = 25;
/** The options by which a worker says what becomes of its job when it leaves. */
const LEAVING_OPTIONS = ["--drain-timeout", "--leave-jobs"];

/** A worker to be started. */
export interface LabWorkerOptions {
  readonly name: string;
  readonly gpuMemoryMb: number;
  /** The lab's backend where left out. */
  readonly rtc?: RtcChoice;
  /** What trains: the demo trainer where left out. */
  readonly trainer?: readonly string[];
}

/** A worker of the lab. */
export interface LabWorker {
  readonly name: string;
  readonly peerId: PeerId;
  readonly program: Program;
}

/** What is around a lab where it is not loopback, or its server is not as it comes. */
export interface LabSurroundings {
  readonly site?: Site;
  /** Variables that the server sees besides. */
  readonly serverEnvironment?: Readonly<Record<string, string>>;
}

/** A lab. */
export class Lab {
  readonly folder: string;
  readonly room: RoomAccess;
  readonly identity: PeerIdentity;
  readonly workers: LabWorker[] = [];
  readonly #rtc: RtcChoice;
  readonly #bin: string | undefined;
  readonly #site: Site;
  readonly #serverEnvironment: Readonly<Record<string, string>>;
  /** Every program that was started in this room, also one that never got as far as a worker. */
  readonly #started: Program[] = [];
  #server: Program;

  private constructor(
    parts: {
      folder: string;
      room: RoomAccess;
      identity: PeerIdentity;
      rtc: RtcChoice;
      server: Program;
      bin: string | undefined;
      site: Site;
      serverEnvironment: Readonly<Record<string, string>>;
    },
  ) {
    this.folder = parts.folder;
    this.room = parts.room;
    this.identity = parts.identity;
    this.#rtc = parts.rtc;
    this.#bin = parts.bin;
    this.#site = parts.site;
    this.#serverEnvironment = parts.serverEnvironment;
    this.#server = parts.server;
  }

  /**
   * Starts a server on a free port, with its store in `folder`, and makes a room.
   *
   * @param bin A compiled program; this one's sources by Deno where left out.
   * @param around Where the programs run (on loopback where left out), and what the server is told besides.
   */
  static async open(
    folder: string,
    rtc: RtcChoice,
    bin?: string,
    { site = LOOPBACK, serverEnvironment = {} }: LabSurroundings = {},
  ): Promise<Lab> {
    const home = join(folder, "home");
    await Deno.mkdir(home, { recursive: true, mode: 0o700 });
    const server = startServer({ folder, port: 0, bin, site, environment: serverEnvironment });
    try {
      const { url } = await ready(server);
      const room = site.isReachable
        ? await createRoomHere(url)
        : await createRoomThere({ folder, bin, site, url });
      const identity = await loadIdentity(home);
      return new Lab({ folder, room, identity, rtc, server, bin, site, serverEnvironment });
    } catch (error) {
      await server.end();
      throw error;
    }
  }

  /** The signaling server as it runs now. */
  get server(): Program {
    return this.#server;
  }

  /** Everything a process needs to enter the room. Secrets travel in the environment, never in arguments. */
  get environment(): Readonly<Record<string, string>> {
    const { server, roomId, token, secret } = this.room;
    return {
      ...environmentOf(this.folder),
      SLEAP_RTC_INVITE: encodeInvite({ server, room_id: roomId, token, secret }),
    };
  }

  /** Starts workers at once, and resolves when all are in the room. */
  async addWorkers(options: readonly LabWorkerOptions[]): Promise<readonly LabWorker[]> {
    const started = options.map((worker) => this.#start(worker));
    const workers = await Promise.all(started.map(async ({ name, program }) => {
      const line = await program.line(({ event }) => event === "ready", "its ready line", START_MS);
      const peerId = String(line["peer_id"]);
      if (!isPeerId(peerId)) throw new Error(`Expected a peer id from ${name}, got ${peerId}`);
      return { name, peerId, program };
    }));
    this.workers.push(...workers);
    return workers;
  }

  /** Resolves with what each of `workers` said when it was linked to all the others. */
  async meshed(workers: readonly LabWorker[], limitMs: number): Promise<readonly Line[]> {
    const complete = ({ event, workers: count }: Line) =>
      event === "mesh_complete" && count === workers.length;
    const what = `that the mesh of ${workers.length} is complete`;
    return await Promise.all(workers.map(({ program }) => program.line(complete, what, limitMs)));
  }

  /**
   * Resolves when the admin's answer names all of `workers`, and them alone, as living: an entry may
   * arrive a moment after the link.
   *
   * @throws {Error} Where that takes longer than `limitMs`.
   */
  async listed(workers: readonly LabWorker[], limitMs: number, signal: AbortSignal): Promise<void> {
    const wanted = workers.map(({ peerId }) => peerId).sort().join();
    const session = await Session.open({
      room: this.room,
      identity: this.identity,
      log: SILENT_LOG,
      signal,
    });
    try {
      const deadline = performance.now() + limitMs;
      for (;;) {
        signal.throwIfAborted();
        const { list } = await session.discover({});
        const living = list.workers.filter(({ alive }) => alive).map(({ peer_id }) => peer_id);
        if (living.sort().join() === wanted) return;
        if (performance.now() > deadline) {
          throw new Error(
            `Expected the admin to list ${wanted} within ${limitMs} ms, got ${living.join()}`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, LIST_POLL_MS));
      }
    } finally {
      await session.close();
    }
  }

  /** Kills the server with no chance to say goodbye. */
  async killServer(): Promise<void> {
    this.#server.signal("SIGKILL");
    await this.#server.end();
  }

  /** Starts the server again at the same address, killed before if it still runs. */
  async restartServer(): Promise<void> {
    const port = Number(new URL(this.room.server).port);
    await this.killServer();
    this.#server = startServer({
      folder: this.folder,
      port,
      bin: this.#bin,
      site: this.#site,
      environment: this.#serverEnvironment,
    });
    await ready(this.#server);
  }

  /** Ends every process, in order. */
  async close(): Promise<void> {
    await Promise.all(this.#started.map((program) => program.end()));
    await this.#server.end();
  }

  /** Starts a program of the lab with `args`, in the room, and in the lab's folder. */
  start(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    place: Place = SERVER_PLACE,
  ): Program {
    const program = new Program({
      args,
      within: this.#site.within(place),
      env: { ...this.environment, ...env },
      cwd: this.folder,
      bin: this.#bin,
    });
    this.#started.push(program);
    return program;
  }

  #start({ name, gpuMemoryMb, ...options }: LabWorkerOptions): { name: string; program: Program } {
    const { rtc = this.#rtc, trainer = ["--runner", "demo"] } = options;
    const gpu = ["--gpu-memory", String(gpuMemoryMb), "--gpu-model", "none (demo)"];
    // A lab that is torn down waits for nobody's training.
    const drain = trainer.some((word) => LEAVING_OPTIONS.includes(word))
      ? []
      : ["--drain-timeout", "0"];
    const args = ["worker", "--json", "--rtc", rtc, ...trainer, "--name", name, ...gpu, ...drain];
    return { name, program: this.start(args, {}, name) };
  }
}

function environmentOf(folder: string): Record<string, string> {
  return { SLEAP_RTC_HOME: join(folder, "home"), SLEAP_RTC_LOG: "json", NO_COLOR: "1" };
}

/** What a program outside the room needs. */
interface Ground {
  readonly folder: string;
  readonly bin: string | undefined;
  readonly site: Site;
}

function startServer({ folder, port, bin, site, environment }: Ground & {
  readonly port: number;
  readonly environment: Readonly<Record<string, string>>;
}): Program {
  const data = join(folder, "server");
  const address = ["--host", site.serverHost, "--port", String(port)];
  const args = ["signal", "--json", ...address, "--data", data, "--store", "sqlite"];
  const within = site.within(SERVER_PLACE);
  const env = { ...environmentOf(folder), ...environment };
  return new Program({ args, env, cwd: folder, bin, within });
}

async function createRoomHere(server: string): Promise<RoomAccess> {
  const { roomId, token } = await createRoom(server, { name: "lab" });
  return { server, roomId, token, secret: newRoomSecret() };
}

/** Makes a room by a program beside the server: this process cannot reach it. */
async function createRoomThere(
  { folder, bin, site, url }: Ground & { readonly url: string },
): Promise<RoomAccess> {
  const args = ["create-room", "--server", url, "--json"];
  const within = site.within(SERVER_PLACE);
  const program = new Program({ args, env: environmentOf(folder), cwd: folder, bin, within });
  const { invite } = await program.line(({ invite }) => invite !== undefined, "a room", START_MS)
    .finally(() => program.end());
  const decoded = decodeInvite(String(invite));
  if (!decoded.ok) throw new Error(`Expected an invite from create-room, got: ${decoded.reason}`);
  const { server, room_id: roomId, token, secret } = decoded.value;
  return { server, roomId, token, secret };
}

async function ready(server: Program): Promise<{ url: string }> {
  const line = await server.line(({ event }) => event === "ready", "its ready line", START_MS);
  return { url: String(line["url"]) };
}
