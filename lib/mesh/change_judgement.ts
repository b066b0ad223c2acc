/**
 * Whether a change to the room state is its author's to make. Decides from the change and what came
 * before; whether it fits there is `change_place`'s to say, once that is complete.
 */

import { isJobId } from "../base/id.ts";
import type { SignedChange } from "../protocol/mesh_message.ts";
import { type Author, changeBytes } from "./author.ts";
import {
  ADMIN_KEY,
  type ChangeFacts,
  type Operation,
  queueKey,
  readChange,
  ROOT_OBJECT,
  WORKERS_OBJECT,
} from "./automerge.ts";
import type { ChangeLog } from "./change_log.ts";

/** One change as bytes. Higher: a member can make the others hold more; lower: long entries fail. */
export const CHANGE_BYTES_MAX = 32 * 1024;
/** One row of the queue, as text. */
export const ROW_LENGTH_MAX = 1_024;

/** May it be applied? */
export type Judgement =
  | { readonly verdict: "fitting"; readonly facts: ChangeFacts; readonly chunk: Uint8Array }
  | { readonly verdict: "known" }
  | { readonly verdict: "refused"; readonly reason: string };

/** Judges `change` for the room and the history that `author` and `log` stand for. */
export function judgeChange(change: SignedChange, author: Author, log: ChangeLog): Judgement {
  const refuse = (wanted: string): Judgement => ({
    verdict: "refused",
    reason: `Expected ${wanted} from ${change.author}`,
  });
  if (change.change.length > (CHANGE_BYTES_MAX * 4) / 3 + 4) {
    return refuse(`a change of at most ${CHANGE_BYTES_MAX} bytes`);
  }
  const chunk = Uint8Array.fromBase64(change.change);
  const facts = readChange(chunk);
  if (facts === undefined) return refuse("an uncompressed Automerge change");
  if (log.has(facts.hash)) return { verdict: "known" };
  const { signer, roomId } = author;
  const bytes = changeBytes(roomId, chunk);
  if (!signer.verify(change.author, change.public_key, bytes, change.signature)) {
    return refuse("a signature by the key that owns the peer id");
  }
  if (facts.actor !== signer.actorOf(change.author, change.incarnation)) {
    return refuse("an actor of the author's");
  }
  if (log.holds(facts.actor, facts.seq)) return refuse("an unused sequence number");
  const strange = facts.operations.find((operation) =>
    !isOwn(operation, change.author, log, facts)
  );
  if (strange !== undefined) {
    return refuse(`operations on its own entry only, got one on ${strange.key ?? strange.object}`);
  }
  return { verdict: "fitting", facts, chunk };
}

/** Invariant 2 of `RoomState`: an object is its author's if an actor of the author's made it. */
function isOwn(operation: Operation, author: string, log: ChangeLog, facts: ChangeFacts): boolean {
  if (operation.object === ROOT_OBJECT) {
    return isOwnRow(operation, author) ||
      operation.key === ADMIN_KEY && operation.action === "set" && operation.value === author;
  }
  if (operation.object === WORKERS_OBJECT) {
    return operation.key === author && operation.action === "makeMap";
  }
  const actor = operation.object.split("@")[1] ?? "";
  return actor === facts.actor || log.authorOf(actor) === author;
}

/**
 * Rows of the queue are short texts under their author's name. How many of them count is decided where
 * they are read: a verdict on a change must not depend on the order in which changes came.
 */
function isOwnRow({ action, key, value }: Operation, author: string): boolean {
  const prefix = queueKey(author, "");
  if (key?.startsWith(prefix) !== true || !isJobId(key.slice(prefix.length))) return false;
  if (action === "del") return true;
  return action === "set" && typeof value === "string" && value.length <= ROW_LENGTH_MAX;
}
