/**
 * A port that is open, and opened again where it has gone deaf: once Deno's listener (2.9.6) may not
 * open another file it accepts no connection any more, says nothing, and still looks open. Knows no HTTP.
 */

import { type AddressInfo, connect } from "node:net";
import type { Server } from "node:http";
import type { Log } from "../lib/base/log.ts";

/** Where, and how often it is seen to. */
export interface PortOptions {
  readonly hostname: string;
  /** 0 for a free one. */
  readonly port: number;
  /** Between two looks whether connections are taken; one look may last as long. */
  readonly probeMs: number;
}

/** An open port. */
export class Port {
  readonly #make: () => Server;
  readonly #options: PortOptions;
  readonly #log: Log;
  readonly #address: AddressInfo;
  /** The newest listens; older ones only see their last connections off. */
  readonly #servers: Server[];
  readonly #timer: ReturnType<typeof setInterval>;
  #isLooking = false;
  #isClosed = false;

  private constructor(make: () => Server, server: Server, options: PortOptions, log: Log) {
    const address = server.address();
    if (!isAddressInfo(address)) throw new Error(`Expected a TCP address, got ${address}`);
    this.#make = make;
    this.#options = { ...options, port: address.port };
    this.#log = log;
    this.#address = address;
    this.#servers = [server];
    this.#watch(server);
    this.#timer = setInterval(() => this.#look(), options.probeMs);
  }

  /**
   * Opens the port.
   *
   * @param make A server that does not listen yet; all that it makes count as one.
   * @throws {Error} Where it is taken (`EADDRINUSE`), or not ours to open.
   */
  static async open(make: () => Server, options: PortOptions, log: Log): Promise<Port> {
    const server = make();
    await listening(server, options);
    return new Port(make, server, options, log);
  }

  /** `host:port`, as peers on this machine reach it. */
  get reachable(): string {
    const { host, port } = this.#nearest;
    return `${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  /** Takes no more connections and resolves when the last one is gone; ends those left after `waitMs`. */
  async close(waitMs: number): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    await Promise.all(this.#servers.map((server) => closed(server, waitMs)));
  }

  get #nearest(): { readonly host: string; readonly port: number } {
    const { address, port } = this.#address;
    // A server that listens everywhere is reached at the loopback address from here.
    const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
    return { host, port };
  }

  async #look(): Promise<void> {
    const [server] = this.#servers;
    if (this.#isLooking || server === undefined) return;
    this.#isLooking = true;
    try {
      if (await hears(server, this.#nearest, this.#options.probeMs) || this.#isClosed) return;
      this.#log.write("warning", "The port had gone deaf and is opened again");
      await this.#openAgain(server);
    } catch (error) {
      this.#log.write("error", "The port could not be opened again", { error: String(error) });
    } finally {
      this.#isLooking = false;
    }
  }

  async #openAgain(deaf: Server): Promise<void> {
    const next = this.#make();
    const forget = () => void this.#servers.splice(this.#servers.indexOf(deaf), 1);
    // Its place is free at once, while its connections go on.
    if (deaf.listening) deaf.close(forget);
    else forget();
    this.#servers.unshift(next);
    await listening(next, this.#options);
    this.#watch(next);
  }

  /** Until it listens, who opened it hears of its errors. */
  #watch(server: Server): void {
    server.on("error", (error) => {
      this.#log.write("error", "The listener failed", { error: String(error) });
    });
  }
}

/** Whether `server` notices a connection from this very process; not known counts as yes. */
function hears(
  server: Server,
  at: { readonly host: string; readonly port: number },
  waitMs: number,
): Promise<boolean> {
  const connection = connect(at);
  return new Promise((resolve) => {
    const done = (isHeard: boolean) => {
      clearTimeout(timer);
      server.off("connection", onConnection);
      connection.destroy();
      resolve(isHeard);
    };
    const onConnection = () => done(true);
    const timer = setTimeout(() => done(false), waitMs);
    server.on("connection", onConnection);
    connection.once("close", () => done(true));
    connection.once("error", (error) => done(!isRefused(error)));
  });
}

async function listening(server: Server, { hostname, port }: PortOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: hostname, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function closed(server: Server, waitMs: number): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), waitMs);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(timer);
}

/** Nobody listens there: another server could not be opened in the place of the last one. */
function isRefused(error: Error): boolean {
  return "code" in error && error.code === "ECONNREFUSED";
}

function isAddressInfo(address: AddressInfo | string | null): address is AddressInfo {
  return typeof address === "object" && address !== null;
}
