/**
 * What a client that watches a room and the worker it watches say to each other on their link. The
 * changes themselves travel as between workers: `state_broadcast` of `mesh_message.ts`.
 */

import { z } from "zod";
import { WORKERS_MAX } from "../base/limits.ts";
import { SECOND_MS } from "../base/time.ts";
import { headsSchema, type MeshMessage } from "./mesh_message.ts";
import { peerIdSchema } from "./name.ts";
import { workerListSchema, WORKERS_LISTED_MAX } from "./query.ts";
import type { QueueMessage } from "./queue_message.ts";
import { workerViewSchema } from "./worker.ts";

/** Between two answers to one client about links. Higher: rates lag; lower: watching costs more. */
export const LINK_QUERY_MS = SECOND_MS;

/** What the watched worker holds of another's life. */
const lifeSchema = workerViewSchema.pick({ peer_id: true, alive: true, last_heard_ms: true });

/** Links that a report lists. Higher: longer answers; a full room and its clients fit. */
export const LINKS_REPORTED_MAX = 4 * WORKERS_MAX;

/** One link of the watched worker, as it measures it. Bytes count from the link's beginning. */
export const linkRowSchema = z.object({
  peer_id: peerIdSchema,
  role: z.enum(["worker", "client"]),
  rtc: z.enum(["native", "werift"]),
  path: z.enum(["host", "srflx", "relay", "unknown"]),
  /** Round-trip time in milliseconds; null where the backend has measured none. */
  rtt_ms: z.number().min(0).nullable(),
  bytes_sent: z.int().min(0),
  bytes_received: z.int().min(0),
});
/** One link of the watched worker. */
export type LinkRow = z.infer<typeof linkRowSchema>;

/** Between a client that watches and the worker it watches. */
export const watchMessageSchema = z.discriminatedUnion("type", [
  /** Client: I have these heads; send what I lack, and for a while everything that is new. */
  z.object({ type: z.literal("watch"), heads: headsSchema }),
  /** Client: no more. */
  z.object({ type: z.literal("unwatch") }),
  /** Worker, with each heartbeat and at once when it changes: what I know besides the room state. */
  workerListSchema.omit({ workers: true, left_out: true, total_count: true, waiting: true }).extend(
    {
      type: z.literal("watch_report"),
      heads: headsSchema,
      lives: z.array(lifeSchema).max(WORKERS_LISTED_MAX),
    },
  ),
  /** Client: how are your links? Answered at most once in `LINK_QUERY_MS`; else by nothing. */
  z.object({ type: z.literal("link_query") }),
  /** Worker: these I have now, and so they are. */
  z.object({
    type: z.literal("link_report"),
    links: z.array(linkRowSchema).max(LINKS_REPORTED_MAX),
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
  | Extract<WatchMessage, { type: "watch_report" | "watch_refused" | "link_report" }>
  | Extract<MeshMessage, { type: "state_broadcast" }>;
/** What a client that watches says to the worker. */
export type WatchRequest =
  | Extract<WatchMessage, { type: "watch" | "unwatch" | "link_query" }>
  | Exclude<QueueMessage, { type: "queue_refused" }>;
