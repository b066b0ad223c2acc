/**
 * One room as the server sees it: who is in it, who its admin is, and who is told what.
 * Knows no socket but its number, no store and no clock.
 */

import type { PeerId, RoomId } from "../lib/base/id.ts";
import { CLIENTS_MAX, WORKERS_MAX, WORKERS_WARNING } from "../lib/base/limits.ts";
import type { Instant } from "../lib/base/time.ts";
import type { Filters, WorkerList } from "../lib/protocol/query.ts";
import type { FromServer, Presence, Role } from "../lib/protocol/signal_message.ts";
import { gpuMemoryMb, type Metadata } from "../lib/protocol/worker.ts";
import { Expiry } from "./expiry.ts";
import { Inquiries } from "./inquiries.ts";
import { matches, statusOf } from "./match.ts";
import {
  CLOSE_CODE,
  type Refusal,
  refusal,
  type RoomsEffect,
  type SocketId,
} from "./room_event.ts";

/**
 * How far above the room's epoch a claim may reach. An election raises it by one, so a mesh that meets
 * a server without memory is welcome after a million of them: one a minute for two years. Higher: a
 * hostile worker comes nearer to the last whole number, above which nobody could claim any more
 * (decision 010). Lower: a long-lived mesh is refused after a restart of the server.
 */
export const EPOCH_JUMP_MAX = 2 ** 20;

/** A registered peer. */
export interface Member {
  readonly socket: SocketId;
  readonly peer_id: PeerId;
  readonly role: Role;
  readonly incarnation: number;
  metadata: Metadata;
  /** Seconds since 1970. */
  readonly connectedAt: number;
  heardAt: Instant;
  pingedAt: Instant;
}

/**
 * Invariants:
 * 1. A peer id has one member, and that member's socket is the newest that registered it.
 * 2. The epoch never falls. Whoever holds it got it by a claim above the one before.
 * 3. The admin is a member that holds the epoch, or nobody.
 * 4. Workers hear of everybody, clients of workers only.
 */
export class Room {
  readonly id: RoomId;
  /** Whether the room's workers elect an admin and keep a registry. */
  readonly keepsRegistry: boolean;
  readonly expiry: Expiry = new Expiry();
  readonly inquiries: Inquiries = new Inquiries();
  readonly #members = new Map<PeerId, Member>();
  #epoch = 0;
  /** Who was granted the present epoch, so that it can claim it again after a lost socket. */
  #holder: { readonly peer_id: PeerId; readonly incarnation: number } | undefined;
  /** Whether the holder has been here ever since its claim. */
  #seated = false;
  /** Since when there have been workers and no admin. */
  #vacantSince: Instant | undefined;

  constructor(id: RoomId, keepsRegistry: boolean) {
    this.id = id;
    this.keepsRegistry = keepsRegistry;
  }

  /** Everybody in the room. */
  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** How many workers are here. */
  get workerCount(): number {
    return this.members.filter(({ role }) => role === "worker").length;
  }

  /** The epoch of the last granted claim; 0 where there was none. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The member that is admin now (invariant 3). */
  get admin(): Member | undefined {
    if (!this.#seated || this.#holder === undefined) return undefined;
    return this.#members.get(this.#holder.peer_id);
  }

  /** The member called `peerId`. */
  find(peerId: PeerId): Member | undefined {
    return this.#members.get(peerId);
  }

  /** Why `member` cannot come in, or `undefined` where it can. */
  objection(member: Member): string | undefined {
    const max = member.role === "worker" ? WORKERS_MAX : CLIENTS_MAX;
    const others = this.members.filter((other) =>
      other.role === member.role && other.peer_id !== member.peer_id
    );
    return others.length < max
      ? undefined
      : `Expected at most ${max} ${member.role}s in a room, and they are all here; wait for one to leave or use another room`;
  }

  /** Takes `member` in; where its peer is here already, the newer socket wins (invariant 1). */
  join(member: Member, expiresAt: number | null, pingIntervalMs: number): RoomsEffect[] {
    const now = member.heardAt;
    const effects: RoomsEffect[] = [];
    const old = this.#members.get(member.peer_id);
    if (old !== undefined) {
      const message = "A newer socket has registered this peer, so this one is closed";
      effects.push(
        { kind: "send", socket: old.socket, message: refusal("REPLACED", message) },
        {
          kind: "close",
          socket: old.socket,
          code: CLOSE_CODE.replaced,
          reason: "Replaced by a newer socket",
        },
      );
      const sameLife = old.incarnation === member.incarnation && old.role === member.role;
      // The same life on a new socket never left; another life did.
      if (!sameLife) effects.push(...this.leave(old, now));
    }
    this.#members.set(member.peer_id, member);
    effects.push(this.#welcome(member, expiresAt, pingIntervalMs));
    effects.push(...this.#tell(member, { type: "peer_joined", peer: this.presence(member) }));
    const workers = this.workerCount;
    if (member.role === "worker" && this.admin === undefined) this.#vacantSince ??= now;
    const isOneMore = member.role === "worker" && old?.role !== "worker";
    if (isOneMore && workers >= WORKERS_WARNING) {
      effects.push({
        kind: "log",
        level: "warning",
        message: "A room is nearly full of workers",
        fields: { room_id: this.id, workers, workers_max: WORKERS_MAX },
      });
    }
    return effects;
  }

  /** Lets `member` go. Does nothing where a newer socket speaks for the peer (decision 11). */
  leave(member: Member, now: Instant): RoomsEffect[] {
    if (this.#members.get(member.peer_id)?.socket !== member.socket) return [];
    const wasAdmin = this.admin === member;
    this.#members.delete(member.peer_id);
    const { peer_id, role, incarnation } = member;
    const effects = this.#tell(member, { type: "peer_left", peer_id, role, incarnation });
    if (this.workerCount === 0) this.#vacantSince = undefined;
    if (!wasAdmin) return effects;
    this.#seated = false;
    if (this.workerCount > 0) this.#vacantSince = now;
    return [...effects, ...this.#announceAdmin()];
  }

  /**
   * Grants or refuses the admin's place by compare-and-set on the epoch (invariant 2). `about` is what
   * a refusal repeats.
   */
  claim(member: Member, epoch: number, now: Instant, about: Partial<Refusal> = {}): RoomsEffect[] {
    const refused = this.#claimObjection(member, epoch);
    if (refused !== undefined) {
      return [{ kind: "send", socket: member.socket, message: { ...refused, ...about } }];
    }
    const isNew = this.admin !== member || epoch > this.#epoch;
    const tookMs = this.#vacantSince === undefined ? 0 : now - this.#vacantSince;
    const { peer_id, incarnation } = member;
    this.#epoch = epoch;
    this.#holder = { peer_id, incarnation };
    this.#seated = true;
    this.#vacantSince = undefined;
    if (!isNew) return this.#announceAdmin();
    const fields = {
      room_id: this.id,
      admin_peer_id: peer_id,
      epoch,
      election_time_ms: Math.round(tookMs),
      num_workers: this.workerCount,
    };
    return [
      ...this.#announceAdmin(),
      { kind: "count", fact: { kind: "elected", tookMs } },
      { kind: "log", level: "info", message: "Admin elected", fields },
    ];
  }

  /** `member` as the others see it. */
  presence(member: Member): Presence {
    const { peer_id, role, incarnation, metadata, connectedAt: connected_at } = member;
    const is_admin = this.admin === member;
    return { peer_id, role, incarnation, metadata, is_admin, connected_at };
  }

  /** The others that `member` may hear of (invariant 4). */
  visibleTo(member: Member): Member[] {
    return this.members.filter((other) => other.socket !== member.socket && hears(member, other));
  }

  /**
   * The server's own answer to a query, for those who cannot ask the admin. While the room's workers have
   * no admin here, they may know better: they are cut off, from each other or from the server.
   */
  workerList(filters: Filters, now: Instant): WorkerList {
    const workers = this.members.filter((member) =>
      member.role === "worker" && statusOf(member) !== "left"
    );
    const chosen = workers.filter((worker) => matches(worker, filters)).sort((a, b) =>
      gpuMemoryMb(b.metadata) - gpuMemoryMb(a.metadata) || (a.peer_id < b.peer_id ? -1 : 1)
    );
    return {
      workers: chosen.map((worker) => ({
        peer_id: worker.peer_id,
        incarnation: worker.incarnation,
        status: statusOf(worker),
        // Which job holds a worker is in the workers' own room state, not in the server's copy.
        current_job: null,
        metadata: worker.metadata,
        is_admin: this.admin === worker,
        alive: true,
        last_heard_ms: Math.max(0, now - worker.heardAt),
      })),
      total_count: workers.length,
      admin_peer_id: this.admin?.peer_id ?? null,
      epoch: this.#epoch,
      ...this.#staleness(now),
    };
  }

  #staleness(now: Instant): Pick<WorkerList, "stale" | "stale_ms"> {
    const since = this.keepsRegistry ? this.#vacantSince : undefined;
    return since === undefined
      ? { stale: false, stale_ms: 0 }
      : { stale: true, stale_ms: Math.max(0, now - since) };
  }

  #welcome(member: Member, expiresAt: number | null, pingIntervalMs: number): RoomsEffect {
    const others = this.visibleTo(member);
    // Old peers take everybody in the original's list for a worker, so it names no one else.
    const workers = others.filter(({ role }) => role === "worker");
    const message: FromServer = {
      type: "registered_auth",
      room_id: this.id,
      peer_id: member.peer_id,
      admin_peer_id: this.admin?.peer_id ?? null,
      epoch: this.#epoch,
      peers: others.map((other) => this.presence(other)),
      peer_list: workers.map(({ peer_id }) => peer_id),
      peer_metadata: Object.fromEntries(workers.map((other) => [other.peer_id, other.metadata])),
      expires_at: expiresAt,
      ping_interval_ms: pingIntervalMs,
      registry: this.keepsRegistry,
    };
    return { kind: "send", socket: member.socket, message };
  }

  #claimObjection(member: Member, epoch: number): Refusal | undefined {
    const { role, peer_id, incarnation } = member;
    if (role !== "worker") {
      const message = "Expected a worker to claim the admin's place, got a client";
      return refusal("NOT_A_WORKER", message);
    }
    if (!this.keepsRegistry) {
      const message = "This server keeps no registry for the room, so it has no admin";
      return refusal("REGISTRY_OFF", message);
    }
    const about = { admin_peer_id: this.admin?.peer_id ?? null, epoch: this.#epoch };
    if (epoch > this.#epoch + EPOCH_JUMP_MAX) {
      const message =
        `Expected a claim of at most ${EPOCH_JUMP_MAX} above epoch ${this.#epoch}, got ${epoch}`;
      return refusal("EPOCH_TOO_FAR", message, about);
    }
    const isHeld = this.#holder?.peer_id === peer_id && this.#holder.incarnation === incarnation;
    if (epoch > this.#epoch || (isHeld && epoch === this.#epoch)) return undefined;
    const message = `Expected a claim above epoch ${this.#epoch}, got ${epoch}`;
    return refusal("STALE_EPOCH", message, about);
  }

  #announceAdmin(): RoomsEffect[] {
    const message: FromServer = {
      type: "admin_changed",
      admin_peer_id: this.admin?.peer_id ?? null,
      epoch: this.#epoch,
    };
    return this.members.map(({ socket }) => ({ kind: "send", socket, message }));
  }

  /** Tells of `member` everybody who may hear of it. */
  #tell(member: Member, message: FromServer): RoomsEffect[] {
    return this.members
      .filter((other) => other.peer_id !== member.peer_id && hears(other, member))
      .map(({ socket }) => ({ kind: "send", socket, message }));
  }
}

function hears(listener: Member, other: Member): boolean {
  return listener.role === "worker" || other.role === "worker";
}
