/** The command `bench-server`: what it refuses, and what it measures on a server of this process. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { z } from "zod";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { enter } from "../../lib/cli/entrance.ts";
import { LoadTally } from "../../lib/cli/load_tally.ts";
import { startSignaling } from "../../signaling/server.ts";
import { fakeIo } from "./fake_io.ts";

Deno.test("a server elsewhere wants its owner's word, and no address is none", async () => {
  const elsewhere = fakeIo();
  equal(await enter(["bench-server", "https://lab.example.org"], elsewhere), 2);
  match(
    elsewhere.errLines.join("\n"),
    /Expected a server on this machine.*--yes-i-own-this-server/,
  );
  const nowhere = fakeIo();
  equal(await enter(["bench-server", "lab"], nowhere), 2);
  match(nowhere.errLines.join("\n"), /Expected an address such as https/);
});

Deno.test("a load is measured, and leaves no room behind", async () => {
  const dataFolder = await Deno.makeTempDir();
  const at = { hostname: "127.0.0.1", port: 0, dataFolder, store: "memory" } as const;
  const server = await startSignaling(at, SILENT_LOG);
  try {
    const io = fakeIo();
    const load = ["--rooms", "2", "--workers", "3", "--seconds", "1"]
      .concat("--churn", "20", "--json");
    equal(await enter(["bench-server", server.url, ...load], io), 0);
    const report = z.strictObject({
      rooms: z.literal(2),
      workers: z.literal(3),
      seconds: z.literal(1),
      join_p50_ms: z.number().positive(),
      join_p99_ms: z.number().positive(),
      relay_p50_ms: z.number().positive(),
      relay_p99_ms: z.number().positive(),
      messages_per_s: z.number().positive(),
      errors: z.literal(0),
      rss_mb: z.number().positive(),
      churn_percent: z.literal(20),
      memory: z.strictObject({
        curve_mb: z.array(z.number().positive()).length(1),
        slope_mb_per_min: z.literal(0),
        first_third_mb: z.literal(0),
        last_third_mb: z.literal(0),
        verdict: z.literal("too_short"),
      }),
    }).parse(JSON.parse(io.outLines.join("")));
    ok(report.relay_p99_ms >= report.relay_p50_ms);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    match(metrics, /^sleap_rtc_rooms 0$/m);
    match(metrics, /^sleap_rtc_rooms_deleted_total 3$/m);
    // Signed in once to warm up and once for all rooms: each is counted as much as a room.
    match(metrics, /^sleap_rtc_http_requests_total\{.*"\/anonymous-signin".*\} 2$/m);
    // Nine that join, three of them to warm up, and at least one that goes and comes each time.
    match(metrics, /^sleap_rtc_registrations_total\{role="worker"\} (1\d|[2-9]\d)$/m);
  } finally {
    await server.stop();
    await Deno.remove(dataFolder, { recursive: true });
  }
});

Deno.test("what a load counts: percentiles that were measured, and losses beyond the churn", () => {
  const tally = new LoadTally(0.01);
  for (let took = 1; took <= 100; took++) {
    tally.joined(took);
    tally.said();
    if (took <= 97) tally.heard(took);
  }
  tally.failed();
  deepEqual(tally.report(10), {
    join_p50_ms: 50,
    join_p99_ms: 99,
    relay_p50_ms: 49,
    relay_p99_ms: 97,
    messages_per_s: 10,
    errors: 3,
  });
});
