/** What workers answer when they are asked, whether they are cut off or not. */

import assert from "node:assert/strict";
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

/** Five workers, and the answers that they give. */
class Lab {
  readonly world: World;
  #answer: WorkerList | undefined;

  constructor() {
    this.world = new World({
      seed: 1,
      gpuMemoryMb: [40_000, 32_000, 24_000, 16_000, 8_000],
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
