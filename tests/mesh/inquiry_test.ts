/** What workers answer when they are asked, whether they are cut off or not. */

import assert from "node:assert/strict";
import { SIGNAL_FRAME_BYTES_MAX } from "../../lib/base/limits.ts";
import { utf8Length } from "../../lib/base/utf8.ts";
import type { Asker } from "../../lib/mesh/input.ts";
import { requestIdSchema } from "../../lib/protocol/name.ts";
import type { WorkerList } from "../../lib/protocol/query.ts";
import { automergeReady } from "../sim/automerge.ts";
import { SERVER } from "../sim/signal_server.ts";
import { World } from "../sim/world.ts";
import { link, peer } from "./peers.ts";

await automergeReady();

/** A client asks by the server, or on a link of its own. */
const ASKERS: readonly Asker[] = [
  { by: "server", peerId: peer("laptop") },
  { by: "link", peerId: peer("laptop"), linkId: link("linktolaptop") },
];

/** Workers, and the answers that they give. */
class Lab {
  readonly world: World;
  #answer: WorkerList | undefined;

  constructor(workers = 5) {
    this.world = new World({
      seed: 1,
      gpuMemoryMb: Array.from({ length: workers }, (_, index) => 80_000 - 8_000 * index),
      watcher: {
        stepped: (_life, _input, effects) => {
          for (const effect of effects) if (effect.type === "reply") this.#answer = effect.list;
        },
      },
    });
    this.world.startAll();
    this.pass(5_000);
  }

  pass(durationMs: number): void {
    this.world.timeline.run(this.world.timeline.now + durationMs);
  }

  ask(name: string, asker: Asker): WorkerList {
    this.#answer = undefined;
    const requestId = requestIdSchema.parse("question-1");
    this.world.worker(name).take({ type: "asked", asker, requestId, filters: {} });
    assert.ok(this.#answer, "asked, and nothing was answered");
    return this.#answer;
  }

  [Symbol.dispose](): void {
    this.world.dispose();
  }
}

for (const asker of ASKERS) {
  Deno.test(`asked by ${asker.by}, a worker that is cut off says so, and since when`, () => {
    using lab = new Lab();
    const few = new Set(["w0", "w1"]);
    assert.equal(lab.ask("w0", asker).stale, false);
    lab.world.trouble({
      blocks: (from, to) => few.has(from) !== few.has(to) && from !== SERVER && to !== SERVER,
    }, 30_000);
    lab.pass(15_000);
    const cutOff = lab.ask("w0", asker);
    assert.deepEqual([cutOff.stale, cutOff.stale_ms > 5_000], [true, true]);
    assert.ok(cutOff.stale_ms < 15_000);
    assert.equal(lab.world.worker("w0").view.staleMs, cutOff.stale_ms);
    assert.equal(lab.ask("w2", asker).stale, false, "the majority goes on");
    lab.pass(30_000);
    assert.deepEqual([lab.ask("w0", asker).stale, lab.ask("w0", asker).stale_ms], [false, 0]);
    assert.equal(lab.world.worker("w0").view.staleMs, 0);
  });
}

Deno.test("an answer by the server is cut to a frame, and says so; on a link it is whole", () => {
  using lab = new Lab(10);
  const [byServer, byLink] = ASKERS;
  assert.ok(byServer && byLink);
  for (const { name, node } of lab.world.lives) {
    const properties = { ...node.presence.properties, mounts: Array(14).fill("語".repeat(150)) };
    lab.world.worker(name).take({ type: "metadata_changed", metadata: { tags: [], properties } });
  }
  lab.pass(2_000);
  const whole = lab.ask("w0", byLink);
  assert.deepEqual([whole.workers.length, whole.left_out], [10, undefined]);
  const cut = lab.ask("w0", byServer);
  assert.ok(
    JSON.stringify(whole).length < SIGNAL_FRAME_BYTES_MAX,
    "it has fewer letters than bytes",
  );
  assert.deepEqual([cut.workers.length + (cut.left_out ?? 0), cut.total_count], [10, 10]);
  assert.deepEqual(cut.workers, whole.workers.slice(0, cut.workers.length), "the best are in it");
  assert.ok(cut.workers.length > 5);
  const { request_id, to_peer_id } = { request_id: "question-1", to_peer_id: byServer.peerId };
  const frame = JSON.stringify({ type: "worker_list", request_id, to_peer_id, list: cut });
  assert.ok(utf8Length(frame) <= SIGNAL_FRAME_BYTES_MAX);
});
