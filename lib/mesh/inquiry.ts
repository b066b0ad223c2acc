/** Answers those who ask which workers there are, from what this worker knows. Any worker can answer. */

import type { RequestId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { Filters } from "../protocol/query.ts";
import { listRoom } from "./directory.ts";
import type { Asker } from "./input.ts";
import type { Lookout } from "./lookout.ts";
import type { Outbox } from "./outbox.ts";
import type { RoomState } from "./room_state.ts";

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
    outbox.add({ type: "reply", asker, requestId, list });
  }
}
