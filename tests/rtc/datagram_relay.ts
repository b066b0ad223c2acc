/** Carries the datagrams of one link between its two ends, and looks at how large they are. For tests. */

import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { LinkSignal } from "../../lib/protocol/link_signal.ts";

interface Place {
  readonly address: string;
  readonly port: number;
}

/** Each end sees the other at an address of the relay. */
export class DatagramRelay implements AsyncDisposable {
  readonly #address: string;
  /** As which each of the two ends is seen. */
  readonly #faces: readonly [Socket, Socket];
  readonly #ends: [Place | undefined, Place | undefined] = [undefined, undefined];
  /** Bytes of the largest datagram that each of the ends has sent. */
  readonly largest: [number, number] = [0, 0];

  private constructor(address: string, faces: readonly [Socket, Socket]) {
    this.#address = address;
    this.#faces = faces;
    this.#carry(0, 1);
    this.#carry(1, 0);
  }

  /** @param address At which both ends see each other, of IPv4. */
  static async begin(address: string): Promise<DatagramRelay> {
    const faces = [createSocket("udp4"), createSocket("udp4")] as const;
    for (const face of faces) {
      face.bind(0, address);
      await once(face, "listening");
    }
    return new DatagramRelay(address, faces);
  }

  /** What the other end is to hear of a signal by `end`: of its candidates one, and that is ours. */
  signalOf(end: 0 | 1, signal: LinkSignal): LinkSignal | undefined {
    if (signal.kind !== "candidate") return signal;
    const words = signal.candidate.split(" ");
    const [address = "", port = ""] = words.slice(4);
    if (!address.includes(".") || this.#ends[end] !== undefined) return undefined;
    this.#ends[end] = { address, port: Number(port) };
    words.splice(4, 2, this.#address, String(this.#faces[end].address().port));
    return { ...signal, candidate: words.join(" ") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const face of this.#faces) {
      const closed = once(face, "close");
      face.close();
      await closed;
    }
  }

  /** What comes to the face of one end is from the other, which must see it come from its own. */
  #carry(from: 0 | 1, to: 0 | 1): void {
    this.#faces[to].on("message", (datagram) => {
      this.largest[from] = Math.max(this.largest[from], datagram.length);
      const place = this.#ends[to];
      if (place !== undefined) this.#faces[from].send(datagram, place.port, place.address);
    });
  }
}
