/**
 * Links over werift, WebRTC in pure TypeScript. The one file that imports it.
 * Does not trust its DTLS for who the other end is: that is the business of HELLO.
 */

import { Buffer } from "node:buffer";
import type { LinkId } from "../base/id.ts";
import { SECOND_MS } from "../base/time.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";
import { hostAddresses } from "./host_address.ts";
import {
  type IceServer,
  type Link,
  type LinkBackend,
  type LinkFacts,
  type LinkOptions,
  pathBetween,
} from "./link.ts";
import { LinkLife, reasonOf } from "./link_life.ts";
import { RemoteSignals } from "./remote_signals.ts";

type Library = typeof import("werift");
type PeerConnection = InstanceType<Library["RTCPeerConnection"]>;
type DataChannel = ReturnType<PeerConnection["createDataChannel"]>;

/** The label of the one channel. ASCII: werift writes a wrong length otherwise. */
const LABEL = "sleap-rtc";
/** The largest frame. Higher: nothing is won, and a loss costs more; lower: more overhead. */
const FRAME_BYTES_MAX = 16 * 1024;
/** How long a closed link waits for the other end to agree. Higher: dead ends cost more memory. */
const PARTING_MS = 1_000;
/** More records than a handshake takes, repetitions included. */
const HANDSHAKE_RECORDS_MAX = 1_000;

function serverOf({ url, username, credential }: IceServer) {
  return {
    urls: url,
    ...(username === undefined ? {} : { username }),
    ...(credential === undefined ? {} : { credential }),
  };
}

class WeriftLink implements Link {
  readonly backend = "werift";
  readonly frameBytesMax = FRAME_BYTES_MAX;
  readonly id: LinkId;
  readonly #life: LinkLife;
  readonly #remote: RemoteSignals;
  readonly #peer: PeerConnection;
  readonly #ended: (freed: Promise<void>) => void;
  #channel: DataChannel | undefined;
  /** Signals are used one after the other: each takes a few turns of the event loop. */
  #work: Promise<void> = Promise.resolve();

  constructor(library: Library, options: LinkOptions, ended: (freed: Promise<void>) => void) {
    this.id = options.id;
    this.#ended = ended;
    this.#remote = new RemoteSignals(options.role);
    this.#life = new LinkLife(options.handlers, {
      frameBytesMax: FRAME_BYTES_MAX,
      bufferedBytes: () => this.bufferedBytes,
      free: () => this.#free(),
    });
    this.#peer = new library.RTCPeerConnection({
      // Left out, werift asks a public STUN server.
      iceServers: options.iceServers.map(serverOf),
      // werift leaves out loopback, veth and tun interfaces by itself.
      iceAdditionalHostAddresses: [...hostAddresses()],
    });
    this.#peer.onIceCandidate.subscribe((candidate) => {
      if (candidate === undefined || candidate.candidate === "") return;
      this.#life.signal({
        kind: "candidate",
        candidate: candidate.candidate,
        sdpMid: candidate.sdpMid ?? "0",
        sdpMLineIndex: candidate.sdpMLineIndex ?? 0,
      });
    });
    // The state alone is not trusted: it stays `connected` for 30 s after the other end has closed.
    this.#peer.connectionStateChange.subscribe((state) => {
      if (state === "failed" || state === "disconnected") this.#life.lost();
      if (state === "closed") this.#life.end("The other end closed the link");
    });
    this.#peer.onDataChannel.subscribe((channel) => {
      if (options.role === "answerer" && this.#channel === undefined) this.#use(channel);
      else channel.close();
    });
    if (options.role === "offerer") {
      this.#use(this.#peer.createDataChannel(LABEL));
      this.#then(() => this.#offer());
    }
  }

  get bufferedBytes(): number {
    return this.#life.phase === "open" ? this.#channel?.bufferedAmount ?? 0 : 0;
  }

  accept(signal: LinkSignal): void {
    if (this.#life.phase === "closed") return;
    this.#then(async () => {
      for (const ready of this.#remote.take(signal)) await this.#apply(ready);
    });
  }

  send(frame: Uint8Array): void {
    this.#life.sending(frame);
    // A copy: werift keeps slices of it until they are acknowledged.
    this.#channel?.send(Buffer.from(frame));
  }

  drainedTo(bytes: number): Promise<void> {
    const drained = this.#life.drainedTo(bytes);
    this.#watchBuffer();
    return drained;
  }

  facts(): LinkFacts {
    const pair = this.#life.phase === "open"
      ? this.#peer.iceTransports[0]?.connection.nominated
      : undefined;
    const typeOf = ({ type, host: address }: { readonly type: string; readonly host: string }) =>
      this.#remote.typeOf({ type, address });
    return {
      path: pair === undefined
        ? "unknown"
        : pathBetween(pair.localCandidate.type, typeOf(pair.remoteCandidate)),
      rttMs: pair?.rtt === undefined ? undefined : pair.rtt * SECOND_MS,
      bytesSent: this.#life.bytesSent,
      bytesReceived: this.#life.bytesReceived,
    };
  }

  close(reason: string): void {
    this.#life.end(reason);
  }

  #use(channel: DataChannel): void {
    this.#channel = channel;
    channel.onMessage.subscribe((data) => {
      if (typeof data === "string") this.#life.end("Expected binary frames, got text");
      else this.#life.received(data);
    });
    channel.bufferedAmountLow.subscribe(() => {
      this.#life.drained();
      this.#watchBuffer();
    });
    channel.stateChanged.subscribe((state) => {
      if (state === "open") this.#life.opened();
      if (state === "closed") this.#life.end("The other end closed the link");
    });
    if (channel.readyState === "open") this.#life.opened();
  }

  async #offer(): Promise<void> {
    const offer = await this.#peer.createOffer();
    this.#followDtls();
    // Told before candidates are gathered, so that a slow STUN server delays nothing.
    this.#life.signal({ kind: "offer", sdp: offer.sdp });
    await this.#peer.setLocalDescription(offer);
  }

  /**
   * werift numbers its last handshake record after the ones before, in the new epoch, and then
   * starts that epoch at 1: the record that comes to the same number is a replay to libdatachannel
   * and dropped, and all that follows waits 1 s for its repetition. So the numbers are skipped.
   */
  #followDtls(): void {
    for (const transport of this.#peer.dtlsTransports) {
      transport.onStateChange.subscribe((state) => {
        if (state !== "connected" || transport.dtls === undefined) return;
        transport.dtls.dtls.recordSequenceNumber += HANDSHAKE_RECORDS_MAX;
      });
    }
  }

  async #apply(signal: LinkSignal): Promise<void> {
    switch (signal.kind) {
      case "offer": {
        await this.#peer.setRemoteDescription({ type: "offer", sdp: signal.sdp });
        this.#followDtls();
        const answer = await this.#peer.createAnswer();
        this.#life.signal({ kind: "answer", sdp: answer.sdp });
        await this.#peer.setLocalDescription(answer);
        return;
      }
      case "answer":
        await this.#peer.setRemoteDescription({ type: "answer", sdp: signal.sdp });
        return;
      case "candidate":
        await this.#peer.addIceCandidate(signal);
        return;
      default:
        signal satisfies never;
    }
  }

  #then(step: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#life.phase === "closed") return;
      try {
        await step();
      } catch (error) {
        this.#life.end(`Signal from the other end cannot be used: ${reasonOf(error)}`);
      }
    });
  }

  #watchBuffer(): void {
    const level = this.#life.drainLevel;
    if (level !== undefined && this.#channel !== undefined) {
      this.#channel.bufferedAmountLowThreshold = level;
    }
  }

  #free(): void {
    for (const { dtls } of this.#peer.dtlsTransports) {
      // A handshake that is broken off is repeated for 33 s, keeps the process alive as long, and
      // then rejects where nobody listens. It ends once it believes to be past its last flight.
      if (dtls === undefined) continue;
      Object.defineProperty(dtls.dtls, "flight", { get: () => Infinity, set: () => {} });
    }
    this.#ended(this.#part());
  }

  /**
   * Lets what was sent arrive, tells the other end, and frees the sockets. werift closes them over
   * datagrams that are still on their way out, so the channel is closed first and that awaited.
   */
  async #part(): Promise<void> {
    const channel = this.#channel;
    if (channel?.readyState === "open") {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PARTING_MS);
        channel.stateChanged.subscribe((state) => {
          if (state !== "closed") return;
          clearTimeout(timer);
          resolve();
        });
        channel.close();
      });
    }
    await this.#peer.close();
  }
}

class WeriftBackend implements LinkBackend {
  readonly name = "werift";
  readonly #library: Library;
  readonly #closing = new Set<Promise<void>>();

  constructor(library: Library) {
    this.#library = library;
  }

  create(options: LinkOptions): Link {
    return new WeriftLink(this.#library, options, (freed) => {
      const closing = freed.finally(() => this.#closing.delete(closing));
      this.#closing.add(closing);
    });
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#closing);
  }
}

/** The werift backend. It runs wherever this program does. */
export async function loadWerift(): Promise<LinkBackend> {
  return new WeriftBackend(await import("werift"));
}
