/**
 * Links over libdatachannel, by the `node-datachannel` addon. The one file that imports it.
 * For one isolate of a process only: the addon keeps handles of the first one that loads it, and
 * Deno panics when a Worker, or the isolate of a second test file, touches them.
 */

import type { LinkId } from "../base/id.ts";
import type { LinkSignal } from "../protocol/link_signal.ts";
import { hostAddresses, isOffline, isOurs } from "./host_address.ts";
import {
  type IceServer,
  type Link,
  type LinkBackend,
  type LinkFacts,
  type LinkOptions,
  pathBetween,
} from "./link.ts";
import { LinkLife, reasonOf } from "./link_life.ts";
import { saysNear, withNear } from "./near.ts";
import { RemoteSignals } from "./remote_signals.ts";

type Library = typeof import("node-datachannel");
type PeerConnection = InstanceType<Library["PeerConnection"]>;
type DataChannel = ReturnType<PeerConnection["createDataChannel"]>;

/** The label of the one channel. ASCII: werift writes a wrong length otherwise. */
const LABEL = "sleap-rtc";
/** The largest frame. Higher: werift cannot take it; lower: more calls for the same bytes. */
const FRAME_BYTES_MAX = 64 * 1024;
/**
 * A packet that does not leave this machine, instead of the 1,280 bytes that pass everywhere. Two
 * thirds fewer packets are twice the rate: it is packets that cost. Higher: libjuice and libdatachannel
 * read into buffers of 4,096 bytes, and cut what is longer. Never on a network: they forbid fragments
 * and look for no path's limit, so nothing would arrive.
 */
const NEAR_PACKET_BYTES_MAX = 4_000;

/**
 * For the other end to read our last words before the connection is torn down. libdatachannel tells it
 * of the end and of what was said before on two threads: one closed link in fifty to a hundred lost its
 * last words, a worker's `leave` among them (measured). Higher: an ended process stays longer; lower:
 * a busy machine loses them again.
 */
const PARTING_MS = 200;

/** libdatachannel wants the credentials within the URL. */
function urlOf(server: IceServer): string {
  if (server.username === undefined) return server.url;
  const [scheme, ...rest] = server.url.split(":");
  const user = encodeURIComponent(server.username);
  return `${scheme}:${user}:${encodeURIComponent(server.credential ?? "")}@${rest.join(":")}`;
}

/**
 * The offerer asks to begin the DTLS handshake. Left to the answerer, whose path is ready first, the
 * first flight reaches an offerer that does not listen yet, and is sent again a second later: 1,006 ms
 * to open instead of 8 (measured). A werift answerer ignores the wish, and loses nothing by it.
 */
function withActiveSetup(sdp: string): string {
  return sdp.replace("a=setup:actpass", "a=setup:active");
}

class NativeLink implements Link {
  readonly backend = "native";
  readonly frameBytesMax = FRAME_BYTES_MAX;
  readonly id: LinkId;
  readonly #library: Library;
  readonly #options: LinkOptions;
  readonly #ended: () => void;
  readonly #life: LinkLife;
  readonly #remote: RemoteSignals;
  #isNear: boolean;
  /** An answerer has none before the offer, which says how large its packets may be. */
  #peer: PeerConnection | undefined;
  #channel: DataChannel | undefined;
  #parting: ReturnType<typeof setTimeout> | undefined;
  #isTornDown = false;

  constructor(library: Library, options: LinkOptions, ended: () => void) {
    this.id = options.id;
    this.#library = library;
    this.#options = options;
    this.#ended = ended;
    this.#isNear = options.isNear === true;
    this.#remote = new RemoteSignals(options.role);
    this.#life = new LinkLife(options.handlers, {
      frameBytesMax: FRAME_BYTES_MAX,
      bufferedBytes: () => this.bufferedBytes,
      free: () => this.#free(),
    });
    if (options.role === "offerer") this.#use(this.#connect().createDataChannel(LABEL));
  }

  get bufferedBytes(): number {
    return this.#life.phase === "open" ? this.#channel?.bufferedAmount() ?? 0 : 0;
  }

  accept(signal: LinkSignal): void {
    if (this.#life.phase === "closed") return;
    try {
      for (const ready of this.#remote.take(signal)) this.#apply(ready);
    } catch (error) {
      this.#life.end(`Signal from the other end cannot be used: ${reasonOf(error)}`);
    }
  }

  send(frame: Uint8Array): void {
    this.#life.sending(frame);
    // The other end may have closed it while this thread was busy: its last words wait to be delivered,
    // and the end after them. A throw would make the sender close the link, and lose those words.
    if (this.#channel?.isOpen() === true) this.#channel.sendMessageBinary(frame);
  }

  drainedTo(bytes: number): Promise<void> {
    const drained = this.#life.drainedTo(bytes);
    this.#watchBuffer();
    return drained;
  }

  facts(): LinkFacts {
    const open = this.#life.phase === "open";
    const pair = open ? this.#peer?.getSelectedCandidatePair() ?? null : null;
    const rttMs = open ? this.#peer?.rtt() ?? -1 : -1;
    return {
      path: pair === null
        ? "unknown"
        : pathBetween(pair.local.type, this.#remote.typeOf(pair.remote)),
      rttMs: rttMs >= 0 ? rttMs : undefined,
      bytesSent: this.#life.bytesSent,
      bytesReceived: this.#life.bytesReceived,
    };
  }

  close(reason: string): void {
    this.#life.end(reason);
  }

  #connect(): PeerConnection {
    const { id, role, iceServers } = this.#options;
    const isAlone = isOffline(hostAddresses());
    const peer = new this.#library.PeerConnection(id, {
      iceServers: iceServers.map(urlOf),
      // libjuice leaves the loopback interface out unless it is bound to it.
      ...(isAlone ? { bindAddress: "127.0.0.1" } : {}),
      ...(isAlone || this.#isNear ? { mtu: NEAR_PACKET_BYTES_MAX } : {}),
    });
    this.#peer = peer;
    peer.onLocalDescription((sdp, type) => {
      if (type === "offer") {
        const offer = withActiveSetup(sdp);
        this.#life.signal({ kind: type, sdp: this.#isNear ? withNear(offer) : offer });
      } else if (type === "answer") this.#life.signal({ kind: type, sdp });
    });
    peer.onLocalCandidate((candidate, sdpMid) =>
      // The addon does not name the section; there is only one.
      this.#life.signal({ kind: "candidate", candidate, sdpMid, sdpMLineIndex: 0 })
    );
    peer.onStateChange((state) => {
      if (state === "failed" || state === "disconnected") {
        this.#life.lost();
        this.#tearDown();
      } else if (state === "closed") {
        this.#gone();
        this.#ended();
      }
    });
    peer.onDataChannel((channel) => {
      if (role === "answerer" && this.#channel === undefined) this.#use(channel);
      else channel.close();
    });
    return peer;
  }

  #use(channel: DataChannel): void {
    this.#channel = channel;
    channel.onMessage((data) => {
      if (typeof data === "string") this.#life.end("Expected binary frames, got text");
      else this.#life.received(data instanceof Uint8Array ? data : new Uint8Array(data));
    });
    channel.onBufferedAmountLow(() => {
      this.#life.drained();
      this.#watchBuffer();
    });
    channel.onError((error) => this.#life.end(`Channel failed: ${error}`));
    channel.onClosed(() => this.#gone());
    channel.onOpen(() => this.#opened());
    if (channel.isOpen()) this.#opened();
  }

  /** Two copies of one virtual machine look alike: whoever makes the next link is to believe less. */
  #opened(): void {
    const far = this.#isNear ? this.#peer?.getSelectedCandidatePair()?.remote.address : undefined;
    if (far === undefined || isOurs(far)) return this.#life.opened();
    this.#life.end(`Expected the other end on this machine, got it at ${far}`);
  }

  #apply(signal: LinkSignal): void {
    if (signal.kind === "candidate") {
      this.#peer?.addRemoteCandidate(signal.candidate, signal.sdpMid);
      return;
    }
    if (signal.kind === "offer") this.#isNear = saysNear(signal.sdp);
    const peer = this.#peer ?? this.#connect();
    peer.setRemoteDescription(signal.sdp, signal.kind);
  }

  /** Asks for a call at the level that is waited for, then looks again: it may be past already. */
  #watchBuffer(): void {
    const level = this.#life.drainLevel;
    if (level === undefined || this.#life.phase !== "open") return;
    this.#channel?.setBufferedAmountLowThreshold(level);
    this.#life.drained();
  }

  /** The other end is gone: nobody is left to read our last words. */
  #gone(): void {
    this.#life.end("The other end closed the link");
    this.#tearDown();
  }

  #free(): void {
    if (this.#channel?.isOpen() !== true) return this.#tearDown();
    this.#parting = setTimeout(() => this.#tearDown(), PARTING_MS);
  }

  /** Twice would be on freed memory. */
  #tearDown(): void {
    if (this.#isTornDown) return;
    this.#isTornDown = true;
    clearTimeout(this.#parting);
    this.#channel?.close();
    if (this.#peer === undefined) this.#ended();
    else this.#peer.close();
  }
}

/** Backends in use: the addon is shared, and cleaning it up ends the links of all of them. */
let backendsInUse = 0;

class NativeBackend implements LinkBackend {
  readonly name = "native";
  readonly #library: Library;
  /**
   * Every link until the addon has said its last word of it: a wrapper that is collected before
   * that is called on freed memory.
   */
  readonly #links = new Set<Link>();
  #allEnded = Promise.withResolvers<void>();

  constructor(library: Library) {
    this.#library = library;
  }

  create(options: LinkOptions): Link {
    const link: Link = new NativeLink(this.#library, options, () => {
      this.#links.delete(link);
      if (this.#links.size === 0) this.#allEnded.resolve();
    });
    this.#links.add(link);
    return link;
  }

  async dispose(): Promise<void> {
    this.#allEnded = Promise.withResolvers<void>();
    if (this.#links.size > 0) await this.#allEnded.promise;
    backendsInUse--;
    if (backendsInUse === 0) this.#library.cleanup();
  }
}

/**
 * The native backend.
 *
 * @throws {Error} Where the addon cannot be loaded: an old glibc (it wants 2.30), a platform
 * without a package, or no permission (`--allow-ffi`).
 */
export async function loadNative(): Promise<LinkBackend> {
  const library = await import("node-datachannel");
  backendsInUse++;
  return new NativeBackend(library);
}
