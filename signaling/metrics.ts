/**
 * The server's numbers in Prometheus' text format (seed 002 phase 8.3, issue 4). The only file that
 * knows prom-client; knows no room, no peer and no address: none of them ever becomes a label.
 */

import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { SECOND_MS } from "../lib/base/time.ts";
import type { Fact, Meter } from "./fact.ts";

/** What can be read off the server at any moment. */
export interface LiveCounts {
  readonly rooms: number;
  /** Rooms of these that keep a registry of their own. */
  readonly registryRooms: number;
  readonly workers: number;
  readonly clients: number;
  readonly sockets: number;
  /** Bytes that were sent and have not left yet, over all sockets. */
  readonly bufferedBytes: number;
}

interface FrameSeries {
  readonly frames: Counter.Internal;
  readonly bytes: Counter.Internal;
}

/** From a tenth of a millisecond to ten seconds. */
const SECONDS = [
  0.0001,
  0.00025,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];
/** Programs that legacy use is counted for by name. Higher: strangers can make more series. */
const CLIENTS_MAX = 32;

/** Counts facts, and writes them down when they are asked for. */
export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #live: () => LiveCounts;
  readonly #gauges: ((live: LiveCounts) => void)[] = [];
  readonly #clients = new Set<string>();
  readonly #series = { in: new Map<string, FrameSeries>(), out: new Map<string, FrameSeries>() };
  readonly #sockets = this.#counter("sockets_opened_total", "WebSockets opened");
  readonly #socketsClosed = this.#counter("sockets_closed_total", "WebSockets closed");
  readonly #frames = this.#counter("frames_total", "WebSocket frames", ["direction", "type"]);
  readonly #bytes = this.#counter("frame_bytes_total", "Bytes of WebSocket frames", [
    "direction",
    "type",
  ]);
  readonly #relays = this.#counter("relays_total", "Frames passed on between peers", ["type"]);
  readonly #refusals = this.#counter("refusals_total", "Requests not granted", ["by", "code"]);
  readonly #registrations = this.#counter("registrations_total", "Peers let into rooms", ["role"]);
  readonly #elections = this.#counter("admin_elections_total", "Admins granted their place");
  readonly #electionSeconds = this.#histogram(
    "admin_election_seconds",
    "How long a room had no admin before one was granted the place",
  );
  readonly #discoverySeconds = this.#histogram(
    "discovery_seconds",
    "From a question for workers to its answer, by who answered",
    ["way"],
  );
  readonly #legacy = this.#counter(
    "legacy_uses_total",
    "Uses of what is to go away, by the program that did",
    ["feature", "client"],
  );
  readonly #requests = this.#counter("http_requests_total", "HTTP requests answered", [
    "method",
    "route",
    "status",
  ]);
  readonly #requestSeconds = this.#histogram(
    "http_request_seconds",
    "From an HTTP request to its answer",
    ["route"],
  );
  readonly #roomsCreated = this.#counter("rooms_created_total", "Rooms made");
  readonly #roomsDeleted = this.#counter("rooms_deleted_total", "Rooms deleted on request");
  readonly #roomsExpired = this.#counter("rooms_expired_total", "Rooms removed after their expiry");
  readonly #dialsFailed = this.#counter(
    "mesh_dial_failures_total",
    "Attempts to link two workers that failed, as workers report them",
  );
  readonly #conflicts = this.#counter(
    "registry_conflicts_total",
    "Concurrent changes to one field of a room's registry, as workers report them",
  );
  readonly #conflictSeconds = this.#counter(
    "registry_conflict_seconds_total",
    "Time until such changes were resolved everywhere, as workers report it",
  );

  /** @param live What the server is at the moment, asked once at each reading. */
  constructor(live: () => LiveCounts) {
    this.#live = live;
    this.#gauge("rooms", "Rooms that somebody is in", ({ rooms }) => rooms);
    this.#gauge(
      "registry_rooms",
      "Rooms that somebody is in and that keep a registry of their own",
      ({ registryRooms }) => registryRooms,
    );
    this.#gauge(
      "registry_rooms_ratio",
      "Share of the rooms that keep a registry of their own",
      ({ rooms, registryRooms }) => rooms === 0 ? 0 : registryRooms / rooms,
    );
    this.#gauge("workers", "Workers in rooms", ({ workers }) => workers);
    this.#gauge("clients", "Clients in rooms", ({ clients }) => clients);
    this.#gauge("sockets", "WebSockets that are open", ({ sockets }) => sockets);
    this.#gauge(
      "send_buffer_bytes",
      "Bytes that slow readers have not taken yet",
      ({ bufferedBytes }) => bufferedBytes,
    );
    new Gauge({
      name: "process_resident_memory_bytes",
      help: "Memory of the server's process",
      registers: [this.#registry],
      collect() {
        this.set(Deno.memoryUsage().rss);
      },
    });
  }

  /** The type of {@linkcode Metrics.text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, as Prometheus reads it. */
  async text(): Promise<string> {
    // Once for all of them: it is a walk past every socket.
    const live = this.#live();
    for (const refresh of this.#gauges) refresh(live);
    return await this.#registry.metrics();
  }

  count(fact: Fact): void {
    switch (fact.kind) {
      case "socket_opened":
        return this.#sockets.inc();
      case "socket_closed":
        return this.#socketsClosed.inc();
      case "frame_received":
        return this.#countFrame("in", fact.type, fact.bytes);
      case "frame_sent":
        return this.#countFrame("out", fact.type, fact.bytes);
      case "relayed":
        return this.#relays.inc({ type: fact.type });
      case "refused":
        return this.#refusals.inc({ by: fact.by, code: fact.code });
      case "registered":
        return this.#registrations.inc({ role: fact.role });
      case "elected":
        this.#elections.inc();
        return this.#electionSeconds.observe(fact.tookMs / SECOND_MS);
      case "discovered":
        return this.#discoverySeconds.observe({ way: fact.way }, fact.tookMs / SECOND_MS);
      case "legacy_used":
        return this.#legacy.inc({ feature: fact.feature, client: this.#clientLabel(fact.client) });
      case "request_answered": {
        const { route, method, status, tookMs } = fact;
        this.#requests.inc({ method, route, status: String(status) });
        return this.#requestSeconds.observe({ route }, tookMs / SECOND_MS);
      }
      case "room_created":
        return this.#roomsCreated.inc();
      case "room_deleted":
        return this.#roomsDeleted.inc();
      case "rooms_expired":
        return this.#roomsExpired.inc(fact.count);
      case "mesh_reported":
        this.#dialsFailed.inc(fact.dialsFailed);
        this.#conflicts.inc(fact.conflicts);
        return this.#conflictSeconds.inc(fact.conflictMs / SECOND_MS);
    }
    return fact satisfies never;
  }

  #countFrame(direction: "in" | "out", type: string, bytes: number): void {
    const series = this.#series[direction];
    // Looking a series up by its labels makes garbage, and this is what happens most.
    let found = series.get(type);
    if (found === undefined) {
      const labels = { direction, type };
      found = { frames: this.#frames.labels(labels), bytes: this.#bytes.labels(labels) };
      series.set(type, found);
    }
    found.frames.inc();
    found.bytes.inc(bytes);
  }

  #clientLabel(client: string): string {
    if (this.#clients.has(client)) return client;
    if (this.#clients.size >= CLIENTS_MAX) return "other";
    this.#clients.add(client);
    return client;
  }

  #counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Counter<Label> {
    return new Counter({
      name: `sleap_rtc_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Histogram<Label> {
    return new Histogram({
      name: `sleap_rtc_${name}`,
      help,
      labelNames: [...labelNames],
      buckets: SECONDS,
      registers: [this.#registry],
    });
  }

  #gauge(name: string, help: string, value: (live: LiveCounts) => number): void {
    const gauge = new Gauge({ name: `sleap_rtc_${name}`, help, registers: [this.#registry] });
    this.#gauges.push((live) => gauge.set(value(live)));
  }
}
