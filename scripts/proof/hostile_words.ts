/** Frames and requests that nobody in their right mind would send, from a seed. Knows no server. */

import { below, pick, type Random } from "../../lib/base/random.ts";

/** One frame of each kind as an honest peer sends it: what hostile ones are made from. */
const HONEST: readonly Readonly<Record<string, unknown>>[] = [
  { type: "ping" },
  { type: "pong" },
  { type: "discover_peers", request_id: "r1", filters: { tags: ["a"], min_gpu_memory_mb: 1 } },
  { type: "update_metadata", metadata: { tags: ["a"], properties: { status: "busy" } } },
  { type: "peer_message", to_peer_id: "w1", payload: { a: [1, { b: null }] } },
  { type: "mesh_connect", target_peer_id: "w1", link_id: "l1", offer: { type: "offer", sdp: "v" } },
  { type: "mesh_answer", target_peer_id: "w1", link_id: "l", answer: { type: "answer", sdp: "v" } },
  { type: "ice_candidate", target_peer_id: "w1", link_id: "l", candidate: { candidate: "c" } },
  { type: "query_workers", request_id: "r1", filters: { properties: { a: { $in: [1, "b"] } } } },
  { type: "worker_list", request_id: "r1", to_peer_id: "w1", list: { workers: [] } },
  { type: "claim_admin", epoch: 1 },
  { type: "mesh_report", dials_failed: 1 },
  { type: "offer", target: "w1", sdp: "v=0" },
  { type: "answer", target: "w1", sdp: "v=0" },
  { type: "candidate", target: "w1", candidate: { candidate: "c", sdpMid: "0" } },
  { type: "register", room_id: "aaaaaaaa", token: "t", peer_id: "w1", role: "worker" },
];

const VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  Number.MAX_SAFE_INTEGER,
  1.5,
  "",
  " ",
  "\u0000",
  "\ud800",
  "💥".repeat(50),
  "../../etc/passwd",
  "__proto__",
  "constructor",
  "x".repeat(5_000),
  [],
  [[[[[[]]]]]],
  {},
  { __proto__: null, toString: 1 },
  { $eq: { $eq: 1 } },
  Array.from({ length: 500 }, (_, index) => index),
];
const NAMES = ["type", "request_id", "peer_id", "from_peer_id", "__proto__", "constructor", "x"];
const PATHS = [
  "/anonymous-signin",
  "/create-room",
  "/extend-room",
  "/delete-peer",
  "/delete-peers-and-room",
  "/discover-workers",
  "/health",
  "/ready",
  "/metrics",
  "/openapi.json",
  "/docs",
  "/",
  "/ws",
  "/%00",
  "//",
  "/discover-workers?room_id=__proto__&tags=,,,&min_gpu_memory_mb=NaN",
  `/${"a".repeat(4_000)}`,
];
const BODIES: readonly Readonly<Record<string, unknown>>[] = [
  { room_id: "aaaaaaaa", token: "t" },
  { name: "lab", ttl_seconds: 60 },
  { room_id: "aaaaaaaa", peer_id: "w1", token: "t" },
  { room_id: "aaaaaaaa", token: "t", filters: { status: "busy" } },
];

/** A hostile request. */
export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly bearer: string | undefined;
  readonly body: string | undefined;
}

/** A frame: mostly one that is nearly right, sometimes noise. */
export function hostileFrame(random: Random): string {
  return spoiled(pick(HONEST, random) ?? {}, random);
}

/** A request: mostly one that is nearly right, sometimes noise. */
export function hostileRequest(random: Random): HostileRequest {
  const method = pick(["GET", "POST", "POST", "PUT", "DELETE", "HEAD"], random) ?? "GET";
  const canHaveBody = method !== "GET" && method !== "HEAD";
  return {
    method,
    path: pick(PATHS, random) ?? "/",
    bearer: pick([undefined, "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "y".repeat(3_000)], random),
    body: canHaveBody ? spoiled(pick(BODIES, random) ?? {}, random) : undefined,
  };
}

function spoiled(honest: Readonly<Record<string, unknown>>, random: Random): string {
  let message: Record<string, unknown> = { ...honest };
  for (let change = below(4, random); change > 0; change--) message = changed(message, random);
  const text = JSON.stringify(message);
  switch (below(8, random)) {
    case 0:
      return text.slice(0, below(text.length + 1, random));
    case 1: {
      const at = below(text.length + 1, random);
      const noise = String.fromCharCode(below(0x10000, random));
      return text.slice(0, at) + noise + text.slice(at + 1);
    }
    case 2:
      return "[".repeat(below(10_000, random)) + text;
    case 3:
      return `{"a":`.repeat(below(2_000, random)) + text;
    default:
      return text;
  }
}

function changed(
  message: Readonly<Record<string, unknown>>,
  random: Random,
): Record<string, unknown> {
  const key = pick([...Object.keys(message), ...NAMES], random) ?? "x";
  const value = pick(VALUES, random);
  const old = message[key];
  const goesDeeper = typeof old === "object" && old !== null && below(2, random) === 0;
  const entries = Object.entries(message).filter(([name]) => name !== key);
  if (below(5, random) === 0) return Object.fromEntries(entries);
  const next = goesDeeper ? changed({ ...old }, random) : value;
  return Object.fromEntries([...entries, [key, next]]);
}
