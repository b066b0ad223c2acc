/** Every route of the HTTP interface as a description: what it wants, answers and refuses. Answers none. */

import type { z } from "zod";
import { workerListSchema } from "../lib/protocol/query.ts";
import {
  createdReplySchema,
  doneReplySchema,
  extendedReplySchema,
  healthReplySchema,
  readyReplySchema,
  signInReplySchema,
} from "./reply.ts";
import {
  createRoomSchema,
  deletePeerSchema,
  deleteRoomSchema,
  discoverQuerySchema,
  discoverSchema,
  extendRoomSchema,
} from "./request_body.ts";

/** One route. */
export interface Route {
  readonly method: "get" | "post";
  readonly path: string;
  /** One line. */
  readonly summary: string;
  /** What the request must show: nothing, an id token, or the room's token or its owner's id token. */
  readonly credentials: "none" | "identity" | "room";
  readonly body?: z.ZodType;
  readonly query?: z.ZodType;
  /** A schema, or the media type of an answer that is no JSON. */
  readonly reply: z.ZodType | string;
  /** The statuses of its refusals, besides {@linkcode REFUSED_EVERYWHERE}. */
  readonly refusals: readonly number[];
  readonly isDeprecated?: true;
}

/** The statuses that every route may refuse with: too large, too many, and a fault of the server. */
export const REFUSED_EVERYWHERE = [413, 429, 500] as const;
const BY_ROOM = [400, 401, 403, 503] as const;

/** All routes. */
export const ROUTES: readonly Route[] = [
  {
    method: "post",
    path: "/anonymous-signin",
    summary: "Makes an identity, which may then make rooms",
    credentials: "none",
    reply: signInReplySchema,
    refusals: [503],
  },
  {
    method: "post",
    path: "/create-room",
    summary: "Makes a room; its token is told this once",
    credentials: "identity",
    body: createRoomSchema,
    reply: createdReplySchema,
    refusals: [400, 401, 503],
  },
  {
    method: "post",
    path: "/extend-room",
    summary: "Moves the expiry of a room, by two hours where nothing else is said",
    credentials: "room",
    body: extendRoomSchema,
    reply: extendedReplySchema,
    refusals: BY_ROOM,
  },
  {
    method: "post",
    path: "/delete-peer",
    summary: "Closes the socket of a peer of the room",
    credentials: "room",
    body: deletePeerSchema,
    reply: doneReplySchema,
    refusals: [...BY_ROOM, 404],
  },
  {
    method: "post",
    path: "/delete-peers-and-room",
    summary: "Closes every socket of a room and forgets it",
    credentials: "room",
    body: deleteRoomSchema,
    reply: doneReplySchema,
    refusals: BY_ROOM,
  },
  {
    method: "get",
    path: "/discover-workers",
    summary: "Lists the workers of a room by the server's own copy",
    credentials: "room",
    query: discoverQuerySchema,
    reply: workerListSchema,
    refusals: BY_ROOM,
    isDeprecated: true,
  },
  {
    method: "post",
    path: "/discover-workers",
    summary: "Lists the workers of a room by the server's own copy",
    credentials: "room",
    body: discoverSchema,
    reply: workerListSchema,
    refusals: BY_ROOM,
    isDeprecated: true,
  },
  {
    method: "get",
    path: "/health",
    summary: "Says that the server runs, and how much is on it",
    credentials: "none",
    reply: healthReplySchema,
    refusals: [],
  },
  {
    method: "get",
    path: "/ready",
    summary: "Says whether the server can take work: its store answers and it is not about to stop",
    credentials: "none",
    reply: readyReplySchema,
    refusals: [503],
  },
  {
    method: "get",
    path: "/metrics",
    summary: "Numbers for Prometheus",
    credentials: "none",
    reply: "text/plain; version=0.0.4",
    refusals: [],
  },
  {
    method: "get",
    path: "/openapi.json",
    summary: "This interface, for programs",
    credentials: "none",
    reply: "application/json",
    refusals: [],
  },
  {
    method: "get",
    path: "/docs",
    summary: "This interface, for people",
    credentials: "none",
    reply: "text/html",
    refusals: [],
  },
];
