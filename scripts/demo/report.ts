/** What a demo found out: the object that `--json` prints last. */

import type { BackendName } from "../../lib/rtc/link.ts";
import type { FileEntry } from "../../lib/protocol/manifest.ts";

/** A demo in which everything held. Times in milliseconds. */
export interface DemoReport {
  readonly ok: true;
  /** From the moment when the last worker was in the room until every worker was linked to all. */
  readonly mesh_ms: number;
  /** From the question to the admin's answer. */
  readonly discovery_ms: number;
  readonly job: {
    readonly id: string;
    readonly worker: string;
    readonly epochs: number;
    readonly first_loss: number;
    readonly last_loss: number;
    readonly files: readonly FileEntry[];
  };
  /** From SIGKILL to the admin until both others followed the same new one. */
  readonly reelection_ms: number;
  readonly rtc: BackendName;
}
