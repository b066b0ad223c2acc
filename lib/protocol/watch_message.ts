/**
 * What a client that watches a room and the worker it watches say to each other on their link. The
 * changes themselves travel as between workers: `state_broadcast` of `mesh_message.ts`.
 */

import { z } from "zod";
import { headsSchema, type MeshMessage } from "./mesh_message.ts";
import { workerListSchema, WORKERS_LISTED_MAX } from "./query.ts";
import type { QueueMessage } from "./queue_message.ts";
import { workerViewSchema } from "./worker.ts";

/** What the watched worker holds of another's life. */
const lifeSchema = workerViewSchema.pick({ peer_id: true, alive: true, last_heard_ms: true });

/** Between a client that watches and the worker it watches. */
export const watchMessageSchema = z.discriminatedUnion("type", [
  /** Client: I have these heads; send what I lack, and for a while everything that is new. */
  z.object({ type: z.literal("watch"), heads: headsSchema }),
  /** Client: no more. */
  z.object({ type: z.literal("unwatch") }),
  /** Worker, with each heartbeat and at once when it changes: what I know besides the room state. */
  workerListSchema.omit({ workers: true, total_count: true, waiting: true }).extend({
    type: z.literal("watch_report"),
    heads: headsSchema,
    lives: z.array(lifeSchema).max(WORKERS_LISTED_MAX),
  }),
  /** Worker: I cannot be watched now; try another. */
  z.object({ type: z.literal("watch_refused"), reason: z.string().max(512) }),
]);
/** Between a client that watches and the worker it watches. */
export type WatchMessage = z.infer<typeof watchMessageSchema>;
/** What a worker knows of its room besides the room state. */
export type WatchReport = Extract<WatchMessage, { type: "watch_report" }>;
/** What a worker says to a client that watches it. */
export type ObserverMessage =
  | Extract<QueueMessage, { type: "queue_refused" }>
  | Extract<WatchMessage, { type: "watch_report" | "watch_refused" }>
  | Extract<MeshMessage, { type: "state_broadcast" }>;
/** What a client that watches says to the worker. */
export type WatchRequest =
  | Extract<WatchMessage, { type: "watch" | "unwatch" }>
  | Exclude<QueueMessage, { type: "queue_refused" }>;
