/**
 * One room as one worker sees it, behind one door: `step(input, now): Effect[]`.
 * Knows no clock, no socket and no promise; a runner performs what it asks for and decides nothing.
 *
 * Inputs only record facts; `#reconcile` alone decides what follows from them. Timers are data: a
 * `wake` is never cancelled, and a late one finds nothing to do.
 */

import type { JobId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { FromServer } from "../protocol/signal_message.ts";
import type { Metadata } from "../protocol/worker.ts";
import type { Effect } from "./effect.ts";
import type { Input } from "./input.ts";
import { createParts, type NodeOptions, type Parts } from "./parts.ts";
import { REGISTRY_OFF, seclude } from "./seclusion.ts";
import type { MeshView } from "./view.ts";

export type { NodeOptions } from "./parts.ts";

/** One worker's part in its room. */
export class MeshNode {
  readonly #parts: Parts;
  /** Whether anybody was met, the server or a worker: before that there is no room to lead. */
  #arrived = false;
  #wakeAt: Instant = Infinity;
  #stopped = false;
  #superseded = false;

  /**
   * @throws {Error} Where the timing does not hold together.
   */
  constructor(options: NodeOptions) {
    this.#parts = createParts(options);
  }

  /** Takes in one thing that happened at `now`, and gives what is to be done about it, in order. */
  step(input: Input, now: Instant): Effect[] {
    if (this.#superseded) return this.#refuse(input);
    this.#excuse(input, now);
    this.#record(input, now);
    if (!this.#stopped) this.#reconcile(now);
    if (input.type === "stopping") this.#stop();
    return this.#parts.outbox.take();
  }

  /** What this worker knows, as a copy. */
  view(now: Instant): MeshView {
    const { self, administration, introduction, links, lookout, membership, queue, state } =
      this.#parts;
    const liveness = [...membership.members].map((member) =>
      [member.peerId, membership.livenessOf(member, now)] as const
    );
    return {
      self,
      admin: administration.admin,
      leads: administration.leads,
      epoch: administration.epoch,
      superseded: this.#superseded,
      partitioned: administration.partitionedSince !== undefined,
      staleMs: now - (administration.partitionedSince ?? now),
      liveness: new Map(liveness),
      links: links.peers,
      retries: new Map(introduction.retries),
      dialling: introduction.dialling,
      entries: state.entries,
      waiting: lookout.waiting(now),
      held: queue.held,
      heads: state.heads,
      size: state.size,
    };
  }

  /** The entries of the room state. The same object as long as nothing changes. */
  get entries(): MeshView["entries"] {
    return this.#parts.state.entries;
  }

  /** What this worker tells the server of itself: its metadata, with the status among the properties. */
  get presence(): Metadata {
    return this.#parts.own.presence;
  }

  /**
   * Why this worker's slot, although it is free, is not for that client's job: it is another's turn.
   * `undefined` where nothing of the queue is in the way.
   */
  objectionTo(client: PeerId, jobId: JobId): string | undefined {
    return this.#parts.queue.objectionTo(client, jobId);
  }

  /** Frees the room state. The node must not be used again. */
  dispose(): void {
    this.#parts.state.dispose();
  }

  /** A wake that comes late means that this process was held up, not that the others are silent. */
  #excuse(input: Input, now: Instant): void {
    const { membership, observers, outbox, timing } = this.#parts;
    const lateMs = now - this.#wakeAt;
    if (lateMs > timing.heartbeatMs) {
      membership.excuse(lateMs, now);
      observers.excuse(lateMs);
      const message = "Own timers came late; waiting longer for others";
      outbox.log("warning", "held_up", message, { late_ms: Math.round(lateMs) });
    }
    // One that comes early, by a clock that stood still, is used up all the same.
    const isUsed = input.type === "woke" && input.dueAt === this.#wakeAt;
    if (lateMs >= 0 || isUsed) this.#wakeAt = Infinity;
  }

  #record(input: Input, now: Instant): void {
    const { own, server, courier, inquiry, formation, links, observers, peerListener, queue } =
      this.#parts;
    switch (input.type) {
      case "started":
        return formation.begin(now);
      case "server_said":
        return this.#onServer(input.message, now);
      case "server_lost":
        return server.lost();
      case "link_signal":
        return courier.send(input.linkId, input.signal);
      case "link_opened":
        return this.#onOpened(input, now);
      case "link_closed":
        return this.#onClosed(input, now);
      case "peer_said": {
        const link = links.to(input.peerId);
        // Words on a link that was replaced come from before its successor.
        if (link?.linkId === input.linkId) peerListener.hear(link, input.message, now);
        return;
      }
      case "asked":
        return inquiry.reply(input.asker, input.requestId, input.filters, now);
      case "watched":
        if (!server.keepsRegistry) return observers.refuse(input.linkId, REGISTRY_OFF);
        return observers.watch(input.linkId, input.peerId, input.heads, now);
      case "unwatched":
        return observers.unwatch(input.linkId);
      case "queue_joined": {
        const { linkId, peerId: client, jobId, needs, wallMs } = input;
        return queue.join(linkId, { client, jobId, needs, wallMs }, now);
      }
      case "queue_left":
        return queue.leave(input.linkId, input.peerId, input.jobId);
      case "status_changed":
        own.work(input.status, input.currentJob);
        return this.#tellPresence();
      case "metadata_changed":
        own.describe(input.metadata);
        return this.#tellPresence();
      case "woke":
        return;
      case "replaced":
        return this.#standDown("the server let in a newer process");
      case "stopping":
        return own.work("left", null);
    }
    input satisfies never;
  }

  #onServer(message: FromServer, now: Instant): void {
    const { dialler, inquiry, server, serverListener } = this.#parts;
    if (message.type === "query_workers") {
      server.heard(now);
      const { from_peer_id: peerId, request_id, filters } = message;
      return inquiry.reply({ by: "server", peerId }, request_id, filters, now);
    }
    if (message.type === "registered_auth") {
      this.#arrived = true;
      dialler.registered(now);
    }
    serverListener.hear(message, now);
  }

  #onOpened(opened: Extract<Input, { type: "link_opened" }>, now: Instant): void {
    const { introduction, links, membership, office, outbox, pulse, roster } = this.#parts;
    const { linkId, peerId, incarnation, metadata, role } = opened;
    introduction.opened(linkId, peerId);
    if (role === "client") return;
    this.#arrived = true;
    const newcomer = { peer_id: peerId, incarnation, metadata };
    const isEarlier = (membership.get(peerId)?.incarnation ?? incarnation) > incarnation;
    if (isEarlier && !membership.returned(newcomer, now)) {
      return roster.drop(linkId, "A later life of this worker is in the room");
    }
    roster.meet(newcomer, now, true);
    membership.heard(peerId, now);
    const link = { linkId, peerId, openedAt: now };
    const replaced = links.open(link);
    if (replaced !== undefined) roster.drop(replaced.linkId, "A newer link is open");
    outbox.send(linkId, pulse.heartbeat(now));
    office.introduce(link, newcomer, now);
  }

  #onClosed(closed: Extract<Input, { type: "link_closed" }>, now: Instant): void {
    const { introduction, links, membership, observers, outbox, queue, roster } = this.#parts;
    const { linkId, peerId, reason } = closed;
    introduction.closed(linkId, peerId, now);
    // Clients, and those that were forgotten meanwhile, are dialled no more.
    if (membership.get(peerId) === undefined) introduction.hurry(peerId);
    observers.unwatch(linkId);
    queue.close(linkId);
    const facts = { peer_id: peerId, link_id: linkId };
    if (!links.close(peerId, linkId)) {
      return outbox.log(
        "debug",
        "dial_over",
        `No link to ${peerId} by this dial: ${reason}`,
        facts,
      );
    }
    outbox.log("info", "link_closed", `Link to ${peerId} closed: ${reason}`, facts);
    // Whoever goes closes its links itself, and has nothing to find out any more.
    if (this.#stopped) return;
    roster.doubt(peerId, now);
    roster.parted(peerId, now);
  }

  /** Decides everything that follows from the facts, as often as it is asked. */
  #reconcile(now: Instant): void {
    const {
      administration,
      dialler,
      formation,
      observers,
      office,
      own,
      peerListener,
      pulse,
      queue,
      server,
      state,
      sync,
      tally,
    } = this.#parts;
    if (!server.keepsRegistry) seclude(this.#parts);
    this.#judgeLives(now);
    this.#parts.deafness.reconcile(now);
    // Before our own entry is written, which would hide what another life wrote.
    const { laterLife } = state;
    if (laterLife !== undefined) {
      return this.#standDown(`life ${laterLife} of it lives and knows of this one`);
    }
    if (this.#arrived && server.keepsRegistry) office.reconcile(now);
    dialler.reconcile(now);
    if (queue.reconcile(now)) this.#tellPresence();
    sync.publish(own.entry);
    const [spokenOf, noted] = [peerListener.takeSpokenOf(), administration.takeNoted()];
    if (spokenOf || noted) pulse.hasten(now);
    pulse.beat(now);
    observers.reconcile(now);
    const { admin, partitionedSince } = administration;
    formation.report(admin !== undefined && partitionedSince === undefined, now);
    tally.reconcile(now);
    this.#scheduleWake(now);
  }

  #judgeLives(now: Instant): void {
    const { administration, links, membership, outbox, probing, roster, server } = this.#parts;
    const { suspected, died } = membership.advance(now, links.isEmpty);
    for (const { peerId } of suspected) probing.ask(peerId);
    for (const { peerId, evidenceAt } of died) {
      const facts = { peer_id: peerId, silent_ms: Math.round(now - (evidenceAt ?? now)) };
      outbox.log("warning", "peer_dead", `${peerId} gives no sign of life`, facts);
      const link = links.to(peerId);
      if (link !== undefined) roster.drop(link.linkId, "The worker gives no sign of life");
    }
    // Without the server's word that it is not there, the dead may only be out of reach.
    if (!server.reachable) return;
    const isCutOff = administration.partitionedSince !== undefined;
    for (const { peerId, deadAt } of membership.forgettable(now)) {
      // Nor is that word enough for a minority: those that are missed may go on without us.
      if (isCutOff && deadAt !== undefined) continue;
      if (!server.has(peerId) && links.to(peerId) === undefined) roster.forget(peerId);
    }
  }

  #tellPresence(): void {
    const { outbox, own, server } = this.#parts;
    if (!server.reachable) return;
    const message = { type: "update_metadata", metadata: own.presence } as const;
    outbox.add({ type: "tell_server", message });
  }

  #scheduleWake(now: Instant): void {
    const { administration, dialler, links, membership, observers, outbox, pulse, queue } =
      this.#parts;
    const nextAt = Math.min(
      pulse.nextAt,
      observers.nextAt,
      queue.nextAt,
      membership.nextAt(links.isEmpty),
      administration.nextAt(now),
      dialler.nextAt(now),
    );
    const at = Math.max(nextAt, now + 1);
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    outbox.add({ type: "wake", at });
  }

  /**
   * Two processes with one key would write over each other's entry without end. The one that has to go
   * says no goodbye, which would be taken for the other's, and does not write that it left.
   */
  #standDown(found: string): void {
    const { incarnation, links, outbox, roster, self } = this.#parts;
    this.#superseded = true;
    this.#stopped = true;
    for (const { linkId } of links.links) roster.drop(linkId, "Another process is this worker");
    const message = `Expected life ${incarnation} to be the only process that is ${self}, got ` +
      `another: ${found}; stop one of them, or give it another --name`;
    outbox.add({ type: "stand_down", message });
  }

  /** Another process is this worker: whoever links to this one has come to the wrong one. */
  #refuse(input: Input): Effect[] {
    if (input.type !== "link_opened" || input.role !== "worker") return [];
    this.#parts.roster.drop(input.linkId, "Another process is this worker");
    return this.#parts.outbox.take();
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const { incarnation, links, outbox, roster } = this.#parts;
    for (const { linkId } of links.links) {
      outbox.send(linkId, { type: "leave", incarnation });
      roster.drop(linkId, "The worker stops");
    }
  }
}
