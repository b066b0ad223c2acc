/**
 * In which order the signals of the other end can be used: its description first, then its
 * candidates, however they arrived; and which addresses it names as its own. Knows nothing of what WebRTC
 * does with them.
 */

import type { LinkSignal } from "../protocol/link_signal.ts";
import type { LinkOptions } from "./link.ts";

/** A candidate of the other end. */
export type CandidateSignal = Extract<LinkSignal, { kind: "candidate" }>;

/** Candidates that one end may name. Higher: more pairs to try, n×m; lower: big hosts fail. */
export const CANDIDATES_MAX = 128;

/** A candidate that says that it is an address of its machine, in a line of its own or in a description. */
const HOST_CANDIDATE = /candidate:\S+ \d+ \S+ \d+ (\S+) \d+ typ host/g;

/** Puts the signals of one link in order, and remembers the addresses that the other end names. */
export class RemoteSignals {
  readonly #wanted: "offer" | "answer";
  #described = false;
  #early: CandidateSignal[] = [];
  #candidates = 0;
  readonly #hosts = new Set<string>();

  constructor(role: LinkOptions["role"]) {
    this.#wanted = role === "offerer" ? "answer" : "offer";
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
          throw new Error(`Expected an ${this.#wanted} from the other end, got an ${signal.kind}`);
        }
        // werift takes any text for a description and then waits for ever.
        if (!/^m=application /m.test(signal.sdp)) {
          throw new Error("Expected a description of a data channel, got one without");
        }
        if (this.#described) return [];
        this.#described = true;
        this.#note(signal.sdp);
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
        this.#note(signal.candidate);
        if (this.#described) return [signal];
        this.#early.push(signal);
        return [];
      }
      default:
        return signal satisfies never;
    }
  }

  /**
   * The type of a candidate of the other end that is in use. A check that is faster than the signals
   * makes it peer-reflexive; where the other end has named the address as its own, nothing translates.
   */
  typeOf({ type, address }: { readonly type: string; readonly address: string }): string {
    return type === "prflx" && this.#hosts.has(address) ? "host" : type;
  }

  #note(text: string): void {
    for (const [, address] of text.matchAll(HOST_CANDIDATE)) {
      if (address !== undefined) this.#hosts.add(address);
    }
  }
}
