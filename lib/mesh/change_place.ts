/**
 * Whether a change fits into the document where it stands: behind what it builds on, beside what others
 * wrote. Automerge takes far more from one who signs than a worker needs, and some of it costs the
 * others their entries, or their processes. Knows what came before; nothing of who may sign.
 */

import { ADMIN_KEY, type ChangeFacts, type Operation, ROOT_OBJECT } from "./automerge.ts";
import type { ChangeLog } from "./change_log.ts";

/** Levels below `workers`: the entry, its metadata, the properties there, and a list among them. */
const DEPTH_MAX = 4;
/** What entries and rows are made of. Nobody counts, marks or edits text here. */
const ACTIONS: ReadonlySet<string> = new Set(["set", "del", "makeMap", "makeList"]);

/**
 * Why a change by `author`, all of whose ancestors `log` holds, does not belong there; `undefined` where
 * it does. Decides by the change and its ancestors alone, so that every replica says the same.
 */
export function misplacementOf(
  facts: ChangeFacts,
  author: string,
  log: ChangeLog,
): string | undefined {
  const { operations, startOp, deps } = facts;
  // A worker numbers its operations on from all that it knows. A leap to the end of all numbers would
  // leave none for those who write after it.
  const next = 1 + Math.max(0, ...deps.map((hash) => log.reachOf(hash)));
  if (startOp !== next) return `operations from ${next} on, got ${startOp}`;
  const depths = new Map<string, number>();
  for (const operation of operations) {
    const { action, object, id } = operation;
    if (!ACTIONS.has(action)) return `operations that entries are made of, got ${action}`;
    const depth = depths.get(object) ?? log.depthOf(object);
    if (depth === undefined) return `an object that is there, got ${object}`;
    if (action.startsWith("make")) {
      if (depth >= DEPTH_MAX) return `an entry of ${DEPTH_MAX} levels, got one more`;
      depths.set(id, depth + 1);
    }
    const foreign = operation.pred.find((replaced) =>
      !mayReplace(operation, replaced, author, facts, log)
    );
    if (foreign !== undefined) return `to replace what is its own, got another's ${foreign}`;
  }
  return undefined;
}

/** What is its author's own, and the word of who was admin last, which is everybody's. */
function mayReplace(
  { object, key }: Operation,
  replaced: string,
  author: string,
  facts: ChangeFacts,
  log: ChangeLog,
): boolean {
  if (object === ROOT_OBJECT && key === ADMIN_KEY) return log.namedAdmin(replaced);
  const actor = replaced.split("@")[1] ?? "";
  return actor === facts.actor || log.authorOf(actor) === author;
}
