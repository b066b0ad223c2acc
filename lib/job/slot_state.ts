/** What a slot can be in. Knows nothing of what leads there. */

import type { JobId, PeerId } from "../base/id.ts";
import type { Instant } from "../base/time.ts";
import type { JobSpec } from "../protocol/job_spec.ts";
import type { Manifest } from "../protocol/manifest.ts";
import type { Pace } from "./pace.ts";
import type { JobEnding } from "./slot_input.ts";

/** What holds a slot. */
interface Held {
  readonly client: PeerId;
  readonly jobId: JobId;
  readonly spec: JobSpec;
}

/** Its client has it and sends the inputs. */
export interface Leased extends Held {
  readonly name: "leased";
  readonly inputs: Manifest;
  /** Whether every input is here. */
  readonly complete: boolean;
  readonly until: Instant;
}

/** Its process runs. */
export interface Running extends Held {
  readonly name: "running";
  readonly startedAt: Instant;
  /** Epochs at most of each model, where that is known. */
  readonly epochsMax: number | undefined;
  /** The number of the last word that was said of it. */
  readonly sequence: number;
  /** How fast it learns, once an epoch was heard of. */
  readonly pace?: Pace;
  /** How its owner wanted it to end, where that was asked for. */
  readonly ending?: JobEnding;
}

/** What a slot is in. */
export type SlotState = { readonly name: "free" } | Leased | Running;
