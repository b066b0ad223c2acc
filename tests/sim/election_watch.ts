/**
 * Whether one worker asks all candidates of an election at once, as seen from outside. Asked one after
 * the other, each that stays silent would cost the room the time that one may take to answer.
 */

import type { PeerId } from "../../lib/base/id.ts";
import type { Instant } from "../../lib/base/time.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import { compareCandidates } from "../../lib/mesh/election.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import { gpuMemoryMb } from "../../lib/protocol/worker.ts";
import type { WorkerLife } from "./worker_life.ts";

/** Watches the elections of one life. */
export class ElectionWatch {
  /** Candidates that had a link when somebody was asked: they were asked too. */
  readonly #considered = new Map<PeerId, Instant>();
  /** Those that answered, or that others named: nobody needs to ask them. */
  readonly #vouched = new Set<PeerId>();

  /** Looks at one step. Gives whom the worker did not ask although it asked another. */
  stepped(life: WorkerLife, input: Input, effects: readonly Effect[]): PeerId | undefined {
    if (input.type === "peer_said") this.#listen(input.peerId, input.message);
    const asks = effects.some((effect) =>
      effect.type === "send" && effect.message.type === "admin_verify"
    );
    // One that claims the room itself remembers who answered; one that follows begins anew.
    const follows = effects.some((effect) =>
      effect.type === "log" && effect.fields["event"] === "admin_elected" &&
      effect.fields["admin_peer_id"] !== life.peerId
    );
    const left = asks ? this.#consider(life, effects) : undefined;
    if (follows) {
      this.#considered.clear();
      this.#vouched.clear();
    }
    return left;
  }

  #listen(from: PeerId, message: Extract<Input, { type: "peer_said" }>["message"]): void {
    if (message.type === "admin_verify_ack") this.#vouched.add(from);
    if (message.type === "heartbeat" && message.admin_peer_id !== null) {
      this.#vouched.add(message.admin_peer_id);
    }
  }

  #consider(life: WorkerLife, effects: readonly Effect[]): PeerId | undefined {
    const { links, liveness, entries } = life.view;
    const self = { peerId: life.peerId, gpuMemoryMb: gpuMemoryMb(life.metadata) };
    const better = [...liveness].flatMap(([peerId, state]) => {
      const entry = entries.get(peerId);
      const lives = state === "alive" || state === "suspect";
      if (!lives || entry === undefined) return [];
      const candidate = { peerId, gpuMemoryMb: gpuMemoryMb(entry.metadata) };
      return compareCandidates(candidate, self) < 0 ? [peerId] : [];
    });
    const questions =
      effects.filter((effect) => effect.type === "send" && effect.message.type === "admin_verify")
        .length;
    const fresh = better.filter((peerId) => {
      const at = this.#considered.get(peerId) ?? -Infinity;
      return links.includes(peerId) && !this.#vouched.has(peerId) &&
        life.now - at > MESH_TIMING.verifyMs;
    });
    // Also those whose entry has not come yet: the worker knows them by their links.
    for (const peerId of links) this.#considered.set(peerId, life.now);
    return fresh.length > questions ? fresh[questions] : undefined;
  }
}
