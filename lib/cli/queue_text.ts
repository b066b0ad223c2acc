/** How a job waits, as sentences and as facts for programs. Knows how it is said, not why it is so. */

import { freeText } from "../client/free_text.ts";
import type { Obstacle, QueueOutlook } from "../client/queue_outlook.ts";
import { cleanText } from "./terminal_text.ts";

/** One line: the place, and what is in the way. */
export function waitingText(outlook: QueueOutlook, nowMs = Date.now()): string {
  const { isCutOff, obstacles, turnAt } = outlook;
  if (turnAt !== undefined) return `it is our turn at ${cleanText(turnAt)}`;
  const cutOff = isCutOff ? ["the room is cut off from its majority: nobody's turn comes"] : [];
  return [placeText(outlook), ...cutOff, ...obstacles.map((one) => obstacleText(one, nowMs))]
    .join("; ");
}

/** The same for a program; names are those of the protocol. */
export function waitingFacts(outlook: QueueOutlook): Readonly<Record<string, unknown>> {
  const { isCutOff, obstacles, position, turnAt, waiting } = outlook;
  return {
    position: position ?? null,
    waiting,
    turn_at: turnAt ?? null,
    cut_off: isCutOff,
    workers: obstacles.map(obstacleFacts),
  };
}

/** What is between the job and one worker, for a program. */
export function obstacleFacts(
  { freeAtMs, ...facts }: Obstacle,
): Readonly<Record<string, unknown>> {
  return { ...facts, free_at_ms: freeAtMs ?? null };
}

/** What is between the job and one worker. */
export function obstacleText(
  { worker, reason, freeAtMs }: Obstacle,
  nowMs = Date.now(),
): string {
  return `${cleanText(worker)} ${cleanText(reason)}${freeText(freeAtMs, nowMs)}`;
}

/** Its place in the queue. */
export function placeText({ position, waiting }: QueueOutlook): string {
  return position === undefined ? "not in the queue yet" : `position ${position} of ${waiting}`;
}
