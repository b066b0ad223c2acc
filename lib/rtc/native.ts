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
import { MachineMark } from "./machine_mark.ts";
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
 * thirds fewer packets are more than twice the rate: it is packets that cost. Higher: libjuice and
 * libdatachannel read into buffers of 4,096 bytes, and cut what is longer. Never on a network: they
 * forbid fragments and look for no path's limit, so nothing would arrive.
 */
const NEAR_PACKET_BYTES_MAX = 4_000;

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

/** What the links of a backend share. */
interface Neighbourhood {
  /** Whether who has our mark is on this machine. A copy of it, elsewhere, has the mark too. */
  isTold: boolean;
}

/**
 * Where both ends are on one machine, packets may be larger. Their size is fixed when a connection is
 * made, and the offerer learns where its answerer is by the answer only. So an answerer that finds
 * its own machine's mark on an offer answers by an offer with large packets, itself marked; the
 * offerer drops its first connection, and answers that with a second one.
 */
class NativeLink implements Link {
  readonly backend = "native";
  readonly frameBytesMax = FRAME_BYTES_MAX;
  readonly id: LinkId;
  readonly #library: Library;
  readonly #options: LinkOptions;
  readonly #neighbourhood: Neighbourhood;
  readonly #mark: MachineMark;
  readonly #life: LinkLife;
  readonly #remote: RemoteSignals;
  readonly #ended: () => void;
  /** Connections that have not said their last word. */
  readonly #peers = new Set<PeerConnection>();
  #peer: PeerConnection | undefined;
  #channel: DataChannel | undefined;
  #hasTurned = false;
  /**
   * Candidates that are not told before the answer is here. Told earlier, they bring the answerer's
   * checks before it: the path stands at once then, and the addon begins a DTLS handshake before it has
   * noted whose certificate to expect, and fails.
   */
  #untold: LinkSignal[] | undefined;

  constructor(
    library: Library,
    options: LinkOptions,
    { neighbourhood, ended }: {
      readonly neighbourhood: Neighbourhood;
      readonly ended: () => void;
    },
  ) {
    this.id = options.id;
    this.#library = library;
    this.#options = options;
    this.#neighbourhood = neighbourhood;
    this.#ended = ended;
    this.#mark = new MachineMark(options.id);
    this.#remote = new RemoteSignals(options.role);
    this.#life = new LinkLife(options.handlers, {
      frameBytesMax: FRAME_BYTES_MAX,
      bufferedBytes: () => this.bufferedBytes,
      free: () => this.#free(),
    });
    // An answerer waits for the offer: its packets depend on where that comes from.
    if (options.role === "offerer") this.#connect("offer");
  }

  /** Makes a connection that begins with that description. */
  #connect(description: "offer" | "answer"): void {
    const { id, iceServers, role } = this.#options;
    const isAlone = isOffline(hostAddresses());
    const peer = new this.#library.PeerConnection(id, {
      iceServers: iceServers.map(urlOf),
      // libjuice leaves the loopback interface out unless it is bound to it.
      ...(isAlone ? { bindAddress: "127.0.0.1" } : {}),
      ...(isAlone || this.#hasTurned ? { mtu: NEAR_PACKET_BYTES_MAX } : {}),
    });
    this.#peer = peer;
    this.#peers.add(peer);
    this.#untold = description === "offer" ? [] : undefined;
    const canTurn = !isAlone && this.#neighbourhood.isTold;
    const isCurrent = () => this.#peer === peer;
    peer.onLocalDescription((sdp, type) => {
      if (!isCurrent() || type !== description) return;
      const offer = canTurn ? this.#mark.on(withActiveSetup(sdp)) : withActiveSetup(sdp);
      // On its way, only the first description of a link is an offer.
      const kind = role === "offerer" && !this.#hasTurned ? "offer" : "answer";
      this.#life.signal({ kind, sdp: type === "offer" ? offer : sdp });
    });
    peer.onLocalCandidate((candidate, sdpMid) => {
      if (!isCurrent()) return;
      // The addon does not name the section; there is only one.
      const signal = { kind: "candidate", candidate, sdpMid, sdpMLineIndex: 0 } as const;
      if (this.#untold === undefined) this.#life.signal(signal);
      else this.#untold.push(signal);
    });
    peer.onStateChange((state) => {
      if (isCurrent() && (state === "failed" || state === "disconnected")) this.#lost();
      if (state !== "closed") return;
      if (isCurrent()) this.#life.end("The other end closed the link");
      this.#peers.delete(peer);
      if (this.#life.phase === "closed" && this.#peers.size === 0) this.#ended();
    });
    peer.onDataChannel((channel) => {
      if (description === "answer" && this.#channel === undefined) this.#use(channel);
      else channel.close();
    });
    if (description === "offer") this.#use(peer.createDataChannel(LABEL));
  }

  get bufferedBytes(): number {
    return this.#life.phase === "open" ? this.#channel?.bufferedAmount() ?? 0 : 0;
  }

  accept(signal: LinkSignal): void {
    if (this.#life.phase === "closed") return;
    try {
      if (this.#isFromHere(signal)) this.#turn();
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
      path: pair === null ? "unknown" : pathBetween(pair.local.type, pair.remote.type),
      rttMs: rttMs >= 0 ? rttMs : undefined,
      bytesSent: this.#life.bytesSent,
      bytesReceived: this.#life.bytesReceived,
    };
  }

  close(reason: string): void {
    this.#life.end(reason);
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
    channel.onError((error) => {
      if (this.#channel === channel) this.#life.end(`Channel failed: ${error}`);
    });
    channel.onClosed(() => {
      if (this.#channel === channel) this.#life.end("The other end closed the link");
    });
    channel.onOpen(() => this.#opened());
    if (channel.isOpen()) this.#opened();
  }

  #opened(): void {
    const far = this.#peer?.getSelectedCandidatePair()?.remote.address;
    if (!this.#hasTurned || far === undefined || isOurs(far)) return this.#life.opened();
    this.#neighbourhood.isTold = false;
    this.#life.end(`Expected the other end on this machine, by its mark, got it at ${far}`);
  }

  /** The end of the channel may be told after that of its connection. */
  #lost(): void {
    const isClosed = this.#life.phase === "open" && this.#channel?.isOpen() === false;
    if (isClosed) this.#life.end("The other end closed the link");
    else this.#life.lost();
  }

  #isFromHere(signal: LinkSignal): boolean {
    const wanted = this.#options.role === "answerer" ? "offer" : "answer";
    return !this.#hasTurned && this.#neighbourhood.isTold && signal.kind === wanted &&
      this.#mark.isOn(signal.sdp);
  }

  #turn(): void {
    this.#hasTurned = true;
    if (this.#options.role === "offerer") {
      const [channel, peer] = [this.#channel, this.#peer];
      this.#channel = undefined;
      this.#connect("answer");
      channel?.close();
      peer?.close();
    } else {
      this.#remote.turn();
      this.#connect("offer");
    }
  }

  #apply(signal: LinkSignal): void {
    if (signal.kind === "candidate") {
      this.#peer?.addRemoteCandidate(signal.candidate, signal.sdpMid);
      return;
    }
    const isOffer = (this.#options.role === "answerer") !== this.#hasTurned;
    if (this.#peer === undefined) this.#connect("answer");
    this.#peer?.setRemoteDescription(signal.sdp, isOffer ? "offer" : "answer");
    const untold = this.#untold ?? [];
    this.#untold = undefined;
    for (const candidate of untold) this.#life.signal(candidate);
  }

  /** Asks for a call at the level that is waited for, then looks again: it may be past already. */
  #watchBuffer(): void {
    const level = this.#life.drainLevel;
    if (level === undefined || this.#life.phase !== "open") return;
    this.#channel?.setBufferedAmountLowThreshold(level);
    this.#life.drained();
  }

  #free(): void {
    this.#channel?.close();
    this.#peer?.close();
    // Not at once: whoever makes the link does not have it yet.
    if (this.#peers.size === 0) queueMicrotask(this.#ended);
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
  readonly #neighbourhood: Neighbourhood = { isTold: true };
  #allEnded = Promise.withResolvers<void>();

  constructor(library: Library) {
    this.#library = library;
  }

  create(options: LinkOptions): Link {
    const link: Link = new NativeLink(this.#library, options, {
      neighbourhood: this.#neighbourhood,
      ended: () => {
        this.#links.delete(link);
        if (this.#links.size === 0) this.#allEnded.resolve();
      },
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
