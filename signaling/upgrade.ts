/**
 * How an HTTP request becomes a socket of the switchboard. The only file of the server that knows `ws`,
 * which, other than Deno's own WebSocket, ends a frame that is too long at its first bytes (decision 012).
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-types="@types/ws"
import { type WebSocket, WebSocketServer } from "ws";
import { SIGNAL_FRAME_BYTES_MAX } from "../lib/base/limits.ts";
import { callerOf } from "./caller.ts";
import { HttpRefusal, retryAfter, tooMany } from "./http_refusal.ts";
import type { SignalingLimits } from "./limits.ts";
import { headersOf, refuseUpgrade } from "./listener.ts";
import type { Wire } from "./socket.ts";
import type { SocketRefusal, Switchboard } from "./switchboard.ts";

/** The longest reason that a close frame carries (RFC 6455 section 5.5). */
const CLOSE_REASON_BYTES_MAX = 123;
/** Fragments of one frame that are waiting for the rest of it. */
const FRAGMENTS_MAX = 64;
const PATHS: ReadonlySet<string> = new Set(["/", "/ws"]);

/** Turns requests into sockets, and knows which transports are still open. */
export class Upgrades {
  readonly #switchboard: Switchboard;
  readonly #limits: SignalingLimits;
  readonly #isProxied: boolean;
  readonly #server: WebSocketServer;
  readonly #open = new Set<WebSocket>();
  #whenEmpty: (() => void) | undefined;

  /** @param isProxied Whether the other end of each connection is a proxy of ours. */
  constructor(switchboard: Switchboard, limits: SignalingLimits, isProxied: boolean) {
    this.#switchboard = switchboard;
    this.#limits = limits;
    this.#isProxied = isProxied;
    const options = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: SIGNAL_FRAME_BYTES_MAX,
      maxFragments: FRAGMENTS_MAX,
      // After it a transport is destroyed, whether its other end has said goodbye or not.
      closeTimeout: limits.closeMs,
    };
    this.#server = new WebSocketServer(options);
  }

  /** Takes a connection whose request wants a socket, or says why not. */
  upgrade(incoming: IncomingMessage, connection: Duplex, head: Buffer): void {
    const path = incoming.url?.split("?")[0] ?? "";
    if (!PATHS.has(path)) {
      const text = "Expected a WebSocket at /ws, got another path";
      return refuseUpgrade(connection, new HttpRefusal(404, "NOT_FOUND", text));
    }
    const remote = incoming.socket.remoteAddress ?? "unknown";
    const caller = callerOf(headersOf(incoming), remote, this.#isProxied);
    const objection = this.#switchboard.objection(caller.address);
    if (objection !== undefined) return refuseUpgrade(connection, this.#refusal(objection));
    this.#server.handleUpgrade(incoming, connection, head, (transport) => {
      const socket = this.#switchboard.open(wireOf(transport), caller);
      this.#open.add(transport);
      transport.on("message", (data, isBinary) => {
        socket.received(isBinary ? data : textOf(data));
      });
      transport.on("ping", (data) => socket.controlled(data.length));
      transport.on("pong", (data) => socket.controlled(data.length));
      // A frame that is too long, or none at all. `ws` has said so and would read on, to wait for the
      // other end's goodbye: 50 strangers with 60 MB each made 460 MB of garbage that way.
      transport.on("error", () => {
        socket.closed();
        connection.end(() => connection.destroy());
      });
      transport.on("close", () => {
        this.#open.delete(transport);
        socket.closed();
        if (this.#open.size === 0) this.#whenEmpty?.();
      });
    });
  }

  /** Resolves once every transport has closed; ends those that are left after `waitMs`. */
  async allClosed(waitMs: number): Promise<void> {
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#whenEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const transport of this.#open) transport.terminate();
  }

  #refusal(objection: SocketRefusal): HttpRefusal {
    const { retryAfterMs } = this.#limits;
    switch (objection) {
      case "address_full":
        return tooMany("open sockets of this address", retryAfterMs);
      case "address_hurried":
        return tooMany("sockets a second from this address", retryAfterMs);
      case "server_full":
      case "draining": {
        const headers = retryAfter(retryAfterMs);
        const text = "The server takes no more sockets now; come back";
        return new HttpRefusal(503, "SERVER_FULL", text, { headers });
      }
    }
    return objection satisfies never;
  }
}

function textOf(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString();
  return (Buffer.isBuffer(data) ? data : Buffer.from(data)).toString();
}

function wireOf(transport: WebSocket): Wire {
  return {
    send: (text) => {
      // A failure to send is followed by the transport's end, and that is where it is dealt with.
      if (transport.readyState === transport.OPEN) transport.send(text, () => {});
    },
    close: (code, reason) => {
      if (transport.readyState > transport.OPEN) return;
      const bytes = Buffer.byteLength(reason);
      transport.close(code, bytes > CLOSE_REASON_BYTES_MAX ? "" : reason);
    },
    bufferedBytes: () => transport.bufferedAmount,
  };
}
