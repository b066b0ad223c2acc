/** `top` with real processes: a page once, changes for a program, and the links of a mesh. */

import assert from "node:assert/strict";
import { z } from "zod";
import type { Line } from "../../scripts/lab/program.ts";
import { endsWith, onStage } from "./stage.ts";

const START_MS = 30_000;
/** Detection (2.5 s, or 3 s of silence) and a new link, on a busy machine. */
const NEXT_MS = 20_000;

const roomSchema = z.object({
  watched_peer_id: z.string().nullable(),
  trouble: z.string().nullable(),
  workers: z.array(z.object({ peer_id: z.string(), alive: z.boolean(), status: z.string() })),
  links: z.array(z.object({
    from_peer_id: z.string(),
    to_peer_id: z.string(),
    path: z.string(),
    rtc: z.string(),
  })),
});

function watches(line: Line, peerId: string): boolean {
  const room = roomSchema.safeParse(line);
  return room.success && room.data.watched_peer_id === peerId && room.data.trouble === null;
}

for (const rtc of ["native", "werift"] as const) {
  Deno.test(`e2e: top shows a room once, with its links by ${rtc}`, () =>
    onStage(rtc, async (stage) => {
      const [admin, other] = await stage.workers([{ name: "gpu-a" }, { name: "gpu-b" }]);
      assert.ok(admin !== undefined && other !== undefined);
      const { stdout } = await endsWith(
        stage.lab.start(["top", "--once", "--json", "--rtc", rtc]),
        0,
      );
      const { links, watched_peer_id, workers } = roomSchema.parse(JSON.parse(stdout));
      assert.equal(watched_peer_id, admin.peerId);
      assert.deepEqual(workers.map(({ peer_id }) => peer_id), [admin.peerId, other.peerId]);
      assert.deepEqual(links.map(({ to_peer_id }) => to_peer_id), [admin.peerId, other.peerId]);
      for (const { path, rtc: by } of links) {
        assert.match(path, /^(host|srflx)$/);
        assert.equal(by, rtc);
      }
      // Its output is no terminal here.
      const page = await endsWith(stage.lab.start(["top"]), 0);
      assert.match(
        page.stdout,
        new RegExp(`^2 workers, 2 available.*\\n\\nWORKER[^]*${other.peerId}`),
      );
      assert.equal(page.stdout.includes("\u001b"), false);
    }));
}

Deno.test("e2e: top tells changes, goes on without the worker that it watched, and ends with Ctrl-C", () =>
  onStage("auto", async (stage) => {
    const [admin, next] = await stage.workers([{ name: "gpu-a" }, { name: "gpu-b" }]);
    assert.ok(admin !== undefined && next !== undefined);
    const top = stage.lab.start(["top", "--json"]);
    await top.line((line) => watches(line, admin.peerId), "the admin's view", START_MS);
    const from = top.lines.length;
    admin.program.signal("SIGKILL");
    await top.line((line) => watches(line, next.peerId), "another's view", NEXT_MS, from);
    top.signal("SIGINT");
    await endsWith(top, 0, 5_000);
  }));

Deno.test("e2e: top --once in a room without workers says so", () =>
  onStage("auto", async (stage) => {
    const { stderr } = await endsWith(stage.lab.start(["top", "--once"]), 6);
    assert.match(stderr, /Expected a worker to watch, got none/);
  }));
