/** Answers those who ask which workers there are, from what this worker knows. Any worker can answer. */

import type { RequestId } from "../base/id.ts";
import { SIGNAL_FRAME_BYTES_MAX } from "../base/limits.ts";
import type { Instant } from "../base/time.ts";
import type { Filters } from "../protocol/query.ts";
import { fitInto, listRoom } from "./directory.ts";
import type { Asker } from "./input.ts";
import type { Lookout } from "./lookout.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomState } from "./room_state.ts";

/** A list in a frame to the server, which also says who asked. */
const RELAYED_LIST_BYTES_MAX = SIGNAL_FRAME_BYTES_MAX - 1024;

/** What an answer is made of. */
export interface InquiryParts {
  readonly outbox: Outbox;
  readonly lookout: Lookout;
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
    const { lookout, outbox, state } = this.#parts;
    const waiting = lookout.waiting(now);
    const list = listRoom(state.entries.values(), lookout.outlook(now), filters, waiting);
    // A server ends the socket of whoever sends it a longer frame, and the admin's would be lost.
    const answer = asker.by === "server" ? fitInto(RELAYED_LIST_BYTES_MAX, list) : list;
    outbox.add({ type: "reply", asker, requestId, list: answer });
  }
}
