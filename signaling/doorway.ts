/**
 * How many connections there are, and which of which address have not become sockets yet: those that a
 * stranger can hold open without a word. Knows their other ends, and nothing of what they say.
 */

import { groupOf } from "./caller.ts";

/** The other end of a connection; a connection that is over has none. */
export interface Remote {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Why a connection finds no place: there are too many, or too many of its address. */
export type FullDoorway = "SERVER_FULL" | "ADDRESS_FULL";

/** Lets so many connections in at a time, and so many of one address that are no sockets. */
export class Doorway {
  readonly #connectionsMax: number;
  readonly #perAddressMax: number;
  #connections = 0;
  readonly #ports = new Map<string, Set<number>>();

  constructor(connectionsMax: number, perAddressMax: number) {
    this.#connectionsMax = connectionsMax;
    this.#perAddressMax = perAddressMax;
  }

  /** Lets `remote` in, and gives how to say that its connection is over; or why there is no place. */
  enter({ remoteAddress = "unknown", remotePort = 0 }: Remote): (() => void) | FullDoorway {
    const address = groupOf(remoteAddress);
    const ports = this.#ports.get(address) ?? new Set();
    if (this.#connections >= this.#connectionsMax) return "SERVER_FULL";
    if (ports.size >= this.#perAddressMax) return "ADDRESS_FULL";
    this.#connections++;
    this.#ports.set(address, ports.add(remotePort));
    return () => {
      this.#connections--;
      this.#leave(address, remotePort);
    };
  }

  /** The connection has become a socket, and is counted among those from now on. */
  passed({ remoteAddress = "unknown", remotePort = 0 }: Remote): void {
    this.#leave(groupOf(remoteAddress), remotePort);
  }

  #leave(address: string, port: number): void {
    const ports = this.#ports.get(address);
    ports?.delete(port);
    if (ports?.size === 0) this.#ports.delete(address);
  }
}
