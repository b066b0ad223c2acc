/** The flows of ARCHITECTURE section 4 as three workers live them, against golden files. */

import assert from "node:assert/strict";
import { isRequestId, type LinkId } from "../../lib/base/id.ts";
import { automergeReady } from "../sim/automerge.ts";
import { pending } from "../sim/convergence.ts";
import { checkTranscript, Transcript } from "../sim/transcript.ts";
import { World } from "../sim/world.ts";
import { peer } from "./peers.ts";

await automergeReady();

/** A lab of three: w1 is the best, w0 and w2 are equal. */
class Lab {
  readonly transcript = new Transcript();
  readonly world: World = new World({
    seed: 1,
    gpuMemoryMb: [8_000, 24_000, 8_000],
    watcher: { stepped: (...step) => this.transcript.stepped(...step) },
  });

  join(name: string): void {
    const machine = this.world.machines.find(({ peerId }) => peerId === name);
    assert.ok(machine);
    this.world.start(machine);
    this.pass(3_000);
    assert.equal(pending(this.world), undefined);
  }

  pass(durationMs: number): void {
    this.world.timeline.run(this.world.timeline.now + durationMs);
  }

  /** What follows is written down anew. */
  begin(): Transcript {
    this.transcript.clear();
    return this.transcript;
  }

  [Symbol.dispose](): void {
    this.world.dispose();
  }
}

Deno.test("transcript: join", () => {
  using lab = new Lab();
  lab.transcript.note("The first worker is alone and leads");
  lab.join("w0");
  lab.transcript.note("A better one joins and takes over");
  lab.join("w1");
  lab.transcript.note("A third is introduced to the rest by the admin");
  lab.join("w2");
  checkTranscript("mesh_join", lab.transcript);
});

Deno.test("transcript: status", () => {
  using lab = new Lab();
  for (const name of ["w0", "w1", "w2"]) lab.join(name);
  const transcript = lab.begin();
  transcript.note("A job begins: one change to everybody");
  lab.world.worker("w2").work("busy", null);
  lab.pass(500);
  transcript.note("It ends");
  lab.world.worker("w2").work("available", null);
  lab.pass(500);
  assert.equal(pending(lab.world), undefined);
  checkTranscript("mesh_status", transcript);
});

Deno.test("transcript: discovery", () => {
  using lab = new Lab();
  for (const name of ["w0", "w1", "w2"]) lab.join(name);
  const transcript = lab.begin();
  transcript.note("A client asks the admin by the server");
  lab.world.client.start();
  lab.pass(3_200);
  transcript.note("A client asks a worker that is not the admin, on its own link");
  const [linkId, requestId]: [LinkId | undefined, string] = [
    lab.world.links.endsOf(lab.world.worker("w0"))[0]?.linkId,
    "question-on-link",
  ];
  assert.ok(linkId !== undefined && isRequestId(requestId));
  lab.world.worker("w0").take({
    type: "asked",
    asker: { by: "link", peerId: peer("laptop"), linkId },
    requestId,
    filters: { min_gpu_memory_mb: 10_000 },
  });
  checkTranscript("mesh_discovery", transcript);
});

Deno.test("transcript: the admin leaves, and another is killed", () => {
  using lab = new Lab();
  for (const name of ["w0", "w1", "w2"]) lab.join(name);
  const transcript = lab.begin();
  transcript.note("The admin says goodbye");
  lab.world.worker("w1").stop();
  lab.pass(2_000);
  assert.equal(lab.world.worker("w2").view.admin, "w0");
  transcript.note("The next admin is killed");
  lab.world.worker("w0").kill();
  lab.pass(6_000);
  assert.equal(lab.world.worker("w2").view.admin, "w2");
  checkTranscript("mesh_reelection", transcript);
});
