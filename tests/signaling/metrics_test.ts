import assert from "node:assert/strict";
import { Metrics } from "../../signaling/metrics.ts";

const LIVE = {
  rooms: 4,
  registryRooms: 1,
  workers: 30,
  clients: 5,
  sockets: 40,
  bufferedBytes: 12,
};

/** Reads Prometheus text into names with labels and their values. */
async function read(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

Deno.test("metrics: what happened and what is, under names with units", async () => {
  const metrics = new Metrics(() => LIVE);
  metrics.count({ kind: "socket_opened" });
  metrics.count({ kind: "frame_received", type: "ping", bytes: 15 });
  metrics.count({ kind: "frame_received", type: "ping", bytes: 15 });
  metrics.count({ kind: "frame_sent", type: "pong", bytes: 15 });
  metrics.count({ kind: "relayed", type: "mesh_connect" });
  metrics.count({ kind: "refused", by: "socket", code: "ROOM_REFUSED" });
  metrics.count({ kind: "registered", role: "worker" });
  metrics.count({ kind: "elected", tookMs: 200 });
  metrics.count({ kind: "discovered", way: "admin", tookMs: 3 });
  metrics.count({ kind: "discovered", way: "http", tookMs: 90 });
  metrics.count({ kind: "mesh_reported", dialsFailed: 3, conflicts: 2, conflictMs: 500 });
  metrics.count({ kind: "rooms_expired", count: 7 });
  const route = { route: "/health", method: "GET", status: 200 };
  metrics.count({ kind: "request_answered", ...route, tookMs: 1 });
  const found = await read(metrics);
  const wanted: [string, number][] = [
    ["sleap_rtc_sockets_opened_total", 1],
    ['sleap_rtc_frames_total{direction="in",type="ping"}', 2],
    ['sleap_rtc_frame_bytes_total{direction="in",type="ping"}', 30],
    ['sleap_rtc_frames_total{direction="out",type="pong"}', 1],
    ['sleap_rtc_relays_total{type="mesh_connect"}', 1],
    ['sleap_rtc_refusals_total{by="socket",code="ROOM_REFUSED"}', 1],
    ['sleap_rtc_registrations_total{role="worker"}', 1],
    // Seed 002 phase 8.3: use of the registry, elections, conflicts, failed links, latency.
    ["sleap_rtc_registry_rooms_ratio", 0.25],
    ["sleap_rtc_admin_elections_total", 1],
    ["sleap_rtc_admin_election_seconds_sum", 0.2],
    ["sleap_rtc_registry_conflicts_total", 2],
    ["sleap_rtc_registry_conflict_seconds_total", 0.5],
    ["sleap_rtc_mesh_dial_failures_total", 3],
    ['sleap_rtc_discovery_seconds_bucket{le="0.005",way="admin"}', 1],
    ['sleap_rtc_discovery_seconds_bucket{le="0.05",way="http"}', 0],
    ['sleap_rtc_discovery_seconds_count{way="http"}', 1],
    ["sleap_rtc_rooms_expired_total", 7],
    ["sleap_rtc_rooms", 4],
    ["sleap_rtc_workers", 30],
    ["sleap_rtc_send_buffer_bytes", 12],
    ['sleap_rtc_http_requests_total{method="GET",route="/health",status="200"}', 1],
  ];
  for (const [name, value] of wanted) assert.equal(found.get(name), value, name);
  assert((found.get("process_resident_memory_bytes") ?? 0) > 1e6);
  for (const name of found.keys()) {
    assert.match(name, /^(sleap_rtc|process)_[a-z_]+(\{[^}]*\})?$/);
  }
});

Deno.test("metrics: strangers cannot make more than so many series", async () => {
  const metrics = new Metrics(() => LIVE);
  for (let index = 0; index < 1_000; index++) {
    metrics.count({ kind: "legacy_used", feature: "GET /discover-workers", client: `c${index}` });
  }
  const series = [...await read(metrics)].filter(([name]) => name.includes("legacy_uses_total{"));
  assert.equal(series.length, 33);
  const other = 'sleap_rtc_legacy_uses_total{feature="GET /discover-workers",client="other"}';
  assert.equal(new Map(series).get(other), 968);
});
