/**
 * The signaling server of a simulated lab: the real `Rooms` behind simulated sockets. Admission is by
 * word of honour; credentials are the real server's own tests.
 */

import type { RoomId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { FromServer, ToServer } from "../../lib/protocol/signal_message.ts";
import type { Registration, RoomsEffect, RoomsInput } from "../../signaling/room_event.ts";
import { Rooms } from "../../signaling/rooms.ts";
import type { Network, Path } from "./network.ts";
import type { Timeline } from "./timeline.ts";
import { WireCheck } from "./wire_check.ts";

/** The name of the server's machine. */
export const SERVER = "server";

/** What sits at the other end of a socket. */
export interface SocketUser {
  readonly name: string;
  /** The server said something. */
  hear(message: FromServer): void;
  /** The socket is gone. */
  lose(): void;
}

/** One socket. */
export interface Socket {
  send(message: ToServer): void;
  /** The process at our end has died, or closes it. */
  close(): void;
}

interface Line {
  readonly user: SocketUser;
  readonly down: Path<() => void>;
  readonly up: Path<() => void>;
}

/** Looks at its deadlines that often. */
const TICK_MS = 2_000;

/** The server, up or down. */
export class SignalServer {
  readonly #timeline: Timeline;
  readonly #network: Network;
  readonly #roomId: RoomId;
  readonly #wire: WireCheck;
  readonly #lines = new Map<number, Line>();
  #rooms = newRooms();
  #up = true;
  #startedAt: Instant = 0;
  #sockets = 0;

  constructor(timeline: Timeline, network: Network, roomId: RoomId, wire: WireCheck) {
    this.#timeline = timeline;
    this.#network = network;
    this.#roomId = roomId;
    this.#wire = wire;
    this.#tick();
  }

  /** Whether it runs. */
  get up(): boolean {
    return this.#up;
  }

  /** Whom it holds for the admin, and in which epoch. */
  get admin(): { readonly peerId: string | null; readonly epoch: number } {
    const { admin_peer_id, epoch } = this.#rooms.workerList(this.#roomId, {}, this.#timeline.now);
    return { peerId: admin_peer_id, epoch };
  }

  /** Ends it, with all sockets. It forgets everything. */
  stop(): void {
    if (!this.#up) return;
    this.#up = false;
    for (const { user, up, down } of [...this.#lines.values()]) {
      up.cut();
      down.send(() => user.lose());
    }
    this.#lines.clear();
    this.#rooms = newRooms();
  }

  /** When it was started last. */
  get startedAt(): Instant {
    return this.#startedAt;
  }

  /** Starts it again. */
  start(): void {
    this.#up = true;
    this.#startedAt = this.#timeline.now;
  }

  /** Opens a socket and registers; `undefined` where the server cannot be reached. */
  connect(user: SocketUser, registration: Registration): Socket | undefined {
    if (!this.#up || !this.#network.passesBothWays(user.name, SERVER)) return undefined;
    const id = ++this.#sockets;
    const arrive = (action: () => void): void => action();
    const line: Line = {
      user,
      up: this.#network.path(user.name, SERVER, arrive),
      down: this.#network.path(SERVER, user.name, arrive),
    };
    this.#lines.set(id, line);
    const room = { room_id: this.#roomId, expires_at: null };
    const admitted = { kind: "admitted", socket: id, connectedAt: 0, room, registration } as const;
    line.up.send(() => this.#step(admitted));
    return {
      send: (sent) => {
        const message = this.#wire.toServer(sent);
        if (message.type === "register") throw new Error("Expected one registration a socket");
        line.up.send(() => this.#step({ kind: "received", socket: id, message }));
      },
      close: () => {
        line.down.cut();
        line.up.send(() => this.#end(id));
      },
    };
  }

  #step(input: RoomsInput): void {
    if (!this.#up) return;
    this.#perform(this.#rooms.step(input, this.#timeline.now));
  }

  #perform(effects: readonly RoomsEffect[]): void {
    for (const effect of effects) {
      if (effect.kind === "send") {
        const line = this.#lines.get(effect.socket);
        const message = this.#wire.fromServer(effect.message);
        line?.down.send(() => line.user.hear(message));
      } else if (effect.kind === "close") {
        const line = this.#lines.get(effect.socket);
        this.#lines.delete(effect.socket);
        line?.up.cut();
        line?.down.send(() => line.user.lose());
      }
    }
  }

  #end(id: number): void {
    if (!this.#lines.delete(id)) return;
    this.#step({ kind: "closed", socket: id });
  }

  #tick(): void {
    this.#step({ kind: "tick" });
    this.#timeline.after(TICK_MS, () => this.#tick());
  }
}

function newRooms(): Rooms {
  return new Rooms({ pingIntervalMs: 15_000, silenceMs: 45_000 });
}
