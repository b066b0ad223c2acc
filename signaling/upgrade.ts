/** How an HTTP request becomes a socket of the switchboard. The only file that knows Deno's WebSocket. */

import { Buffer } from "node:buffer";
import { SECOND_MS } from "../lib/base/time.ts";
import { HttpRefusal, retryAfter } from "./http_refusal.ts";
import type { SignalingLimits } from "./limits.ts";
import { CLOSE_CODE } from "./room_event.ts";
import type { Wire } from "./socket.ts";
import type { SocketRefusal, Switchboard } from "./switchboard.ts";

/** The longest reason that a close frame carries (RFC 6455 section 5.5). */
const CLOSE_REASON_BYTES_MAX = 123;
const PATHS: ReadonlySet<string> = new Set(["/", "/ws"]);

/** Turns requests into sockets, and knows which transports are still open. */
export class Upgrades {
  readonly #switchboard: Switchboard;
  readonly #limits: SignalingLimits;
  readonly #open = new Set<WebSocket>();
  #whenEmpty: (() => void) | undefined;

  constructor(switchboard: Switchboard, limits: SignalingLimits) {
    this.#switchboard = switchboard;
    this.#limits = limits;
  }

  /** Whether `request` wants a socket here. */
  accepts(request: Request): boolean {
    return request.headers.get("upgrade")?.toLowerCase() === "websocket" &&
      PATHS.has(new URL(request.url).pathname);
  }

  /** Answers a request that wants a socket. */
  upgrade(request: Request, address: string): Response {
    const objection = this.#switchboard.objection(address);
    if (objection !== undefined) return this.#refused(objection);
    try {
      const { socket: transport, response } = Deno.upgradeWebSocket(request, {
        // Frees a transport whose other end is gone without a word, also while it closes.
        idleTimeout: Math.max(1, Math.ceil(this.#limits.silenceMs / SECOND_MS)),
      });
      this.#attach(transport, address);
      return response;
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      const refused = new HttpRefusal(400, "BAD_REQUEST", `${cause.message}`);
      return Response.json(refused.body, { status: refused.status });
    }
  }

  /** Resolves once every transport has closed, or after `waitMs`. */
  async allClosed(waitMs: number): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#whenEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #attach(transport: WebSocket, address: string): void {
    this.#open.add(transport);
    const wire = wireOf(transport);
    let socket: ReturnType<Switchboard["open"]> | undefined;
    transport.onopen = () => {
      // The places may have been taken since the request was answered.
      if (this.#switchboard.objection(address) === undefined) {
        socket = this.#switchboard.open(wire, address);
      } else wire.close(CLOSE_CODE.tryLater, "Too many sockets");
    };
    transport.onmessage = ({ data }) => socket?.received(data);
    // A close always follows an error, and it tells all that there is to do.
    transport.onerror = (event) => event.preventDefault();
    transport.onclose = () => {
      this.#open.delete(transport);
      socket?.closed();
      if (this.#open.size === 0) this.#whenEmpty?.();
    };
  }

  #refused(objection: SocketRefusal): Response {
    const headers = retryAfter(this.#limits.retryAfterMs);
    const refused = objection === "address_full"
      ? new HttpRefusal(429, "RATE_LIMITED", "Expected fewer open sockets of this address")
      : new HttpRefusal(503, "SERVER_FULL", "The server takes no more sockets now; come back");
    return Response.json(refused.body, { status: refused.status, headers });
  }
}

function wireOf(transport: WebSocket): Wire {
  return {
    send: (text) => {
      if (transport.readyState === WebSocket.OPEN) transport.send(text);
    },
    close: (code, reason) => {
      if (transport.readyState > WebSocket.OPEN) return;
      const bytes = Buffer.byteLength(reason);
      transport.close(code, bytes > CLOSE_REASON_BYTES_MAX ? "" : reason);
    },
    bufferedBytes: () => transport.bufferedAmount,
  };
}
