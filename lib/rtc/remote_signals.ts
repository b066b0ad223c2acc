/**
 * In which order the signals of the other end can be used: its description first, then its
 * candidates, however they arrived. Knows nothing of what WebRTC does with them.
 */

import type { LinkSignal } from "../protocol/link_signal.ts";
import type { LinkOptions } from "./link.ts";

/** A candidate of the other end. */
export type CandidateSignal = Extract<LinkSignal, { kind: "candidate" }>;

/** Candidates that one end may name. Higher: more pairs to try, n×m; lower: big hosts fail. */
export const CANDIDATES_MAX = 128;

/** Puts the signals of one link in order. */
export class RemoteSignals {
  #wanted: "offer" | "answer";
  #hasTurned = false;
  #described = false;
  #early: CandidateSignal[] = [];
  #candidates = 0;

  constructor(role: LinkOptions["role"]) {
    this.#wanted = role === "offerer" ? "answer" : "offer";
  }

  /** An offerer that this end answered asks to be answered again: its offer is old from now on. */
  turn(): void {
    this.#wanted = "answer";
    this.#hasTurned = true;
  }

  /**
   * What can be used now that `signal` is here, in order. A repeated description is nothing new:
   * signals may travel by two ways.
   *
   * @throws {Error} Where the description is not the one that this end waits for or has no data channel, or there are too
   * many candidates.
   */
  take(signal: LinkSignal): readonly LinkSignal[] {
    switch (signal.kind) {
      case "offer":
      case "answer": {
        if (signal.kind !== this.#wanted) {
          if (this.#hasTurned) return [];
          throw new Error(`Expected an ${this.#wanted} from the other end, got an ${signal.kind}`);
        }
        // werift takes any text for a description and then waits for ever.
        if (!/^m=application /m.test(signal.sdp)) {
          throw new Error("Expected a description of a data channel, got one without");
        }
        if (this.#described) return [];
        this.#described = true;
        const early = this.#early;
        this.#early = [];
        return [signal, ...early];
      }
      case "candidate": {
        // An empty candidate marks the end of candidates; neither backend needs it.
        if (signal.candidate === "") return [];
        this.#candidates++;
        if (this.#candidates > CANDIDATES_MAX) {
          throw new Error(`Expected at most ${CANDIDATES_MAX} candidates, got more`);
        }
        if (this.#described) return [signal];
        this.#early.push(signal);
        return [];
      }
      default:
        return signal satisfies never;
    }
  }
}
