/** Answers those who ask which workers there are, from what this worker knows. Any worker can answer. */

import type { PeerId, RequestId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Filters, WorkerList } from "../protocol/query.ts";
import type { WorkerView } from "../protocol/worker.ts";
import type { Administration } from "./administration.ts";
import { listWorkers } from "./directory.ts";
import type { Asker } from "./input.ts";
import type { Membership } from "./membership.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomState } from "./room_state.ts";

/** What an answer is made of. */
export interface InquiryParts {
  readonly self: PeerId;
  readonly outbox: Outbox;
  readonly membership: Membership;
  readonly administration: Administration;
  readonly state: RoomState;
}

/** One worker's answers. */
export class Inquiry {
  readonly #parts: InquiryParts;

  constructor(parts: InquiryParts) {
    this.#parts = parts;
  }

  /** Answers `asker`. */
  reply(asker: Asker, requestId: RequestId, filters: Filters, now: Instant): void {
    const list = this.#list(filters, now);
    this.#parts.outbox.add({ type: "reply", asker, requestId, list });
  }

  #list(filters: Filters, now: Instant): WorkerList {
    const { self, administration, membership, state } = this.#parts;
    const { admin, epoch, partitionedSince } = administration;
    const present = [...state.entries.values()].filter((entry) => entry.status !== "left");
    const views = present.map((entry): WorkerView => {
      const isSelf = entry.peer_id === self;
      const member = membership.get(entry.peer_id);
      const liveness = member === undefined ? "unknown" : membership.livenessOf(member, now);
      const heardAt = isSelf ? now : member?.evidenceAt;
      return {
        ...entry,
        is_admin: entry.peer_id === admin,
        alive: isSelf || liveness === "alive" || liveness === "suspect",
        last_heard_ms: heardAt === undefined ? null : Math.max(0, Math.round(now - heardAt)),
      };
    });
    return {
      workers: listWorkers(views, filters),
      total_count: present.length,
      admin_peer_id: admin ?? null,
      epoch,
      stale: partitionedSince !== undefined,
      stale_ms: partitionedSince === undefined ? 0 : Math.max(0, now - partitionedSince),
    };
  }
}
