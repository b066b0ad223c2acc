/**
 * The port that the server listens on: node's requests become those that the app reads, and bodies end
 * at a limit. The only file that knows node's HTTP; knows no route and no room.
 */

import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Log } from "../lib/base/log.ts";
import { Doorway, type FullDoorway } from "./doorway.ts";
import { HttpRefusal } from "./http_refusal.ts";
import { Patience } from "./patience.ts";
import { Port, type PortOptions } from "./port.ts";

/** The certificate of a server and its key, as PEM. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Where and within which limits. */
export interface ListenerOptions extends PortOptions {
  readonly tls?: Tls | undefined;
  readonly bodyBytesMax: number;
  /** For a request to arrive whole. */
  readonly requestMs: number;
  /** Open TCP connections. */
  readonly connectionsMax: number;
  readonly pendingPerAddressMax: number;
  /** Whether the other end of each connection is a proxy of ours: then it is not counted by address. */
  readonly isProxied: boolean;
}

/** Who answers. */
export interface ListenerHandlers {
  /** Answers a request from `remote`. */
  answer(request: Request, remote: string): Response | Promise<Response>;
  /** Takes the connection of a request that wants another protocol. */
  upgrade(incoming: IncomingMessage, connection: Duplex, head: Buffer): void;
  /** A connection was ended at once: there was no place for it. */
  turnedAway(code: FullDoorway): void;
}

/** An open port. */
export interface Listener {
  /** `http://host:port` or `https://…`, as peers on this machine reach it. */
  readonly url: string;
  /** Takes no more connections and resolves when the last one is gone; ends those left after `waitMs`. */
  close(waitMs: number): Promise<void>;
}

/**
 * Opens the port.
 *
 * @throws {Error} Where it is taken (`EADDRINUSE`), not ours to open, or the certificate is none.
 */
export async function listen(
  options: ListenerOptions,
  handlers: ListenerHandlers,
  log: Log,
): Promise<Listener> {
  const { tls } = options;
  const scheme = tls === undefined ? "http" : "https";
  const patience = new Patience(options.requestMs);
  const doorway = new Doorway(
    options.connectionsMax,
    options.isProxied ? Infinity : options.pendingPerAddressMax,
  );
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    patience.rest(incoming.socket);
    outgoing.once("close", () => patience.wait(incoming.socket));
    answer(incoming, outgoing, { options, scheme, handlers }).then(() => {
      // Whoever does not read its answer is as bad as one that does not ask.
      if (!outgoing.destroyed) patience.wait(incoming.socket);
    }).catch((error: unknown) => {
      log.write("warning", "A request could not be answered", { error: String(error) });
      incoming.destroy();
    });
  };
  const make = () => {
    const server = tls === undefined ? createServer(onRequest) : createSecureServer(
      // Without it a stranger holds a connection for two minutes before TLS begins.
      { cert: tls.cert, key: tls.key, handshakeTimeout: options.requestMs },
      onRequest,
    );
    server.on("connection", (connection: Socket) => {
      const entered = doorway.enter(connection);
      if (typeof entered === "function") return void connection.once("close", entered);
      connection.destroy();
      handlers.turnedAway(entered);
    });
    const opened = tls === undefined ? "connection" : "secureConnection";
    server.on(opened, (connection: Duplex) => patience.wait(connection));
    server.on("upgrade", (incoming, connection, head) => {
      patience.rest(connection);
      doorway.passed(incoming.socket);
      // Without a listener, a connection that breaks would end the process.
      connection.on("error", (error) => {
        log.write("debug", "A connection broke", { error: String(error) });
      });
      handlers.upgrade(incoming, connection, head);
    });
    return server;
  };
  const port = await Port.open(make, options, log);
  return { url: `${scheme}://${port.reachable}`, close: (waitMs) => port.close(waitMs) };
}

interface Context {
  readonly options: ListenerOptions;
  readonly scheme: string;
  readonly handlers: ListenerHandlers;
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { options, scheme, handlers }: Context,
): Promise<void> {
  const { method = "GET", headers, url = "/" } = incoming;
  const body = method === "GET" || method === "HEAD" ? undefined : await bodyOf(incoming, options);
  const address = addressOf(url, `${scheme}://${headers.host ?? "localhost"}`);
  const response = address === undefined
    ? refusalOf(new HttpRefusal(400, "BAD_REQUEST", "Expected a path, got something else"))
    : await handlers.answer(
      new Request(address, {
        method,
        headers: headersOf(incoming),
        ...(body === undefined ? {} : { body: body.bytes }),
      }),
      incoming.socket.remoteAddress ?? "unknown",
    );
  const isCut = body !== undefined && !body.isWhole;
  outgoing.writeHead(response.status, {
    ...Object.fromEntries(response.headers),
    // What is left of a body that is too long is never read.
    ...(isCut ? { connection: "close" } : {}),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  outgoing.end(bytes, () => {
    if (isCut) incoming.destroy();
  });
}

/** The body, up to one byte above the limit: who answers sees by it that it is too long. */
function bodyOf(
  incoming: IncomingMessage,
  { bodyBytesMax, requestMs }: ListenerOptions,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly isWhole: boolean }> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => {
      reject(new Error(`Expected the whole body within ${requestMs} ms, got ${length} bytes`));
    }, requestMs);
    const done = (isWhole: boolean) => {
      clearTimeout(timer);
      const bytes = new Uint8Array(Buffer.concat(parts).subarray(0, bodyBytesMax + 1));
      resolve({ bytes, isWhole });
    };
    incoming.on("data", (part: Buffer) => {
      if (length > bodyBytesMax) return;
      parts.push(part);
      length += part.length;
      if (length > bodyBytesMax) {
        incoming.pause();
        done(false);
      }
    });
    incoming.once("end", () => done(true));
    incoming.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

/** Answers a request whose connection was meant for another protocol, and ends the connection. */
export function refuseUpgrade(connection: Duplex, refused: HttpRefusal): void {
  const body = JSON.stringify(refused.body);
  const headers = {
    ...refused.headers,
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const status = `HTTP/1.1 ${refused.status} ${refused.code}`;
  connection.end([status, ...lines, "", body].join("\r\n"), () => connection.destroy());
}

/** The headers of a request. A connection's own are left out: they mean nothing to who answers. */
export function headersOf(incoming: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (name.startsWith(":") || name === "connection" || value === undefined) continue;
    for (const part of [value].flat()) headers.append(name, part);
  }
  return headers;
}

function addressOf(path: string, base: string): URL | undefined {
  if (!path.startsWith("/") || !URL.canParse(base)) return undefined;
  const address = new URL(base);
  const [pathname = "/", ...query] = path.split("?");
  address.pathname = pathname;
  address.search = query.join("?");
  return address;
}

function refusalOf(refused: HttpRefusal): Response {
  return Response.json(refused.body, { status: refused.status });
}
