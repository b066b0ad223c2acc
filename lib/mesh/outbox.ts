/** Collects the effects of one step, in order. */

import type { LinkId } from "../base/id.ts";
import type { LogFields, LogLevel } from "../base/log.ts";
import type { MeshMessage } from "../protocol/mesh_message.ts";
import type { Effect } from "./effect.ts";

/** The effects of one step. */
export class Outbox {
  #effects: Effect[] = [];

  /** Adds any effect. */
  add(effect: Effect): void {
    this.#effects.push(effect);
  }

  /** Says something on a link. */
  send(linkId: LinkId, message: MeshMessage): void {
    this.#effects.push({ type: "send", linkId, message });
  }

  /** Writes something down. `event` names it for those who search logs. */
  log(level: LogLevel, event: string, message: string, fields: LogFields = {}): void {
    this.#effects.push({ type: "log", level, message, fields: { event, ...fields } });
  }

  /** Gives what was collected, and starts anew. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
