/**
 * Which connections of which address have not become sockets yet: those that a stranger can hold open
 * without a word. Knows them by their other ends, and nothing of what they say.
 */

import { groupOf } from "./caller.ts";

/** The other end of a connection; a connection that is over has none. */
export interface Remote {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Lets so many connections of one address in at a time. */
export class Doorway {
  readonly #perAddressMax: number;
  readonly #ports = new Map<string, Set<number>>();

  constructor(perAddressMax: number) {
    this.#perAddressMax = perAddressMax;
  }

  /** Lets `remote` in, and gives how to say that its connection is over; `undefined` where it is full. */
  enter({ remoteAddress = "unknown", remotePort = 0 }: Remote): (() => void) | undefined {
    const address = groupOf(remoteAddress);
    const ports = this.#ports.get(address) ?? new Set();
    if (ports.size >= this.#perAddressMax) return undefined;
    this.#ports.set(address, ports.add(remotePort));
    return () => this.#leave(address, remotePort);
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
