/**
 * A worker without jobs, as a process for the mesh benches: comes up, waits for words on its standard
 * input, and prints what it sees as lines of JSON, with the time on the wall.
 *
 *   go            enter the room
 *   status WORD   do something else
 *   facts         print traffic, CPU time and memory
 *   leave         leave in order, and end
 */

import { createInterface } from "node:readline";
import process from "node:process";
import { z } from "zod";
import type { Log } from "../../lib/base/log.ts";
import { decodeInvite } from "../../lib/protocol/invite.ts";
import { type WorkerEntry, workerStatusSchema } from "../../lib/protocol/worker.ts";
import { selectBackend } from "../../lib/rtc/backend.ts";
import { guardAgainstStrayFailures } from "../../lib/rtc/guard.ts";
import { loadAutomerge } from "../../lib/runtime/automerge_module.ts";
import { rtcChoiceSchema } from "../../lib/runtime/config.ts";
import { temporaryIdentity } from "../../lib/runtime/credentials.ts";
import { MeshPeer } from "../../lib/runtime/mesh_peer.ts";

const argumentsSchema = z.tuple([z.string().min(1), z.coerce.number(), rtcChoiceSchema]);

/** Milliseconds since 1970, finer than `Date.now`: processes of one machine can be compared. */
function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

function say(event: string, facts: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ event, at: wallMs(), ...facts })}\n`);
}

const [name, gpuMemoryMb, rtc] = argumentsSchema.parse(Deno.args);
const invite = decodeInvite(Deno.env.get("SLEAP_RTC_INVITE") ?? "");
if (!invite.ok) throw new Error(invite.reason);
const { server, room_id: roomId, token, secret } = invite.value;
const log: Log = {
  write: (_level, message, fields = {}) => {
    const { event, ...facts } = fields;
    if (typeof event === "string") say(event, { message, ...facts });
  },
};
await loadAutomerge();
using _guard = guardAgainstStrayFailures(log);
const backend = await selectBackend(rtc, log);
const identity = temporaryIdentity();
const peerId = identity.peerIdOf(name);
const statuses = new Map<string, string>();
let entries: ReadonlyMap<string, WorkerEntry> = new Map();
let peer: MeshPeer | undefined;
say("loaded", { peer_id: peerId, rtc: backend.name });

for await (const line of createInterface({ input: process.stdin })) {
  const [word, argument] = line.split(" ");
  if (word === "go") {
    peer = new MeshPeer(backend, {
      room: { server, roomId, token, secret },
      identity,
      peerId,
      incarnation: Date.now(),
      metadata: { tags: [], properties: { gpu_memory_mb: gpuMemoryMb } },
      iceServers: [],
      log,
      handlers: {
        registered: () => say("registered"),
        failed: (failure) => say("failed", { message: failure.message }),
        clientCame: () => {},
        clientSaid: () => {},
        clientSent: () => {},
        clientLeft: () => {},
        stepped: () => {
          // The same map as long as nothing changes: to look costs nothing then.
          const seen = peer?.entries ?? entries;
          if (seen === entries) return;
          entries = seen;
          for (const [author, { status }] of entries) {
            if (statuses.get(author) === status) continue;
            statuses.set(author, status);
            say("saw_status", { author, status });
          }
        },
      },
    });
  } else if (word === "status") {
    say("set_status", { status: argument });
    peer?.tell(workerStatusSchema.parse(argument), null);
  } else if (word === "facts") {
    const { user, system } = process.cpuUsage();
    const { rss } = Deno.memoryUsage();
    const traffic = peer?.traffic;
    say("facts", {
      messages: traffic?.messages ?? 0,
      bytes: traffic?.bytes ?? 0,
      heartbeats: traffic?.heartbeats ?? 0,
      heartbeat_bytes: traffic?.heartbeatBytes ?? 0,
      server_frames: traffic?.serverFrames ?? 0,
      cpu_ms: (user + system) / 1_000,
      rss_mb: rss / 1e6,
    });
  } else if (word === "leave") {
    break;
  }
}
await peer?.leave();
Deno.exit(0);
