/** The flows of ARCHITECTURE section 4 and of seed 002 phase 7, against golden files. */

import assert from "node:assert/strict";
import { isRequestId, type LinkId } from "../../lib/base/id.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { MeshView } from "../../lib/mesh/view.ts";
import { automergeReady } from "../sim/automerge.ts";
import { pending } from "../sim/convergence.ts";
import { checkTranscript, Transcript } from "../sim/transcript.ts";
import { World } from "../sim/world.ts";
import { peer } from "./peers.ts";

await automergeReady();

const WORDS_OF_DIALS = [
  "mesh_connect",
  "mesh_offer",
  "mesh_answer",
  "mesh_ice_candidate",
  "ice_candidate",
  "mesh_undeliverable",
];

/** A lab of three: w1 is the best, w0 and w2 are equal. */
class Lab {
  readonly transcript: Transcript;
  readonly world: World = new World({
    seed: 1,
    gpuMemoryMb: [8_000, 24_000, 8_000],
    watcher: { stepped: (...step) => this.transcript.stepped(...step) },
  });

  constructor(transcript = new Transcript()) {
    this.transcript = transcript;
  }

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

Deno.test("transcript: a worker is cut off, changes meanwhile, and comes back", () => {
  // How a dial goes is in `mesh_join`.
  using lab = new Lab(new Transcript(WORDS_OF_DIALS));
  for (const name of ["w0", "w1", "w2"]) lab.join(name);
  const transcript = lab.begin();
  transcript.note("w2 is cut off from the others and from the server");
  lab.world.trouble({ blocks: (from, to) => (from === "w2") !== (to === "w2") }, 12_000);
  lab.pass(8_000);
  assert.deepEqual(statesOf(lab), ["w0 follows w1", "w1 follows w1", "w2 is partitioned"]);
  transcript.note("Its job begins: it writes that down for itself; the others go on by theirs");
  lab.world.worker("w2").work("busy", null);
  lab.world.worker("w0").work("busy", null);
  lab.pass(1_000);
  assert.equal(lab.world.worker("w2").view.entries.get(peer("w0"))?.status, "available", "stale");
  transcript.note("The network is whole again");
  lab.pass(15_000);
  assert.equal(pending(lab.world), undefined);
  assert.deepEqual(statesOf(lab), ["w0 follows w1", "w1 follows w1", "w2 follows w1"]);
  for (const { view } of lab.world.lives) {
    const statuses = ["w0", "w2"].map((name) => view.entries.get(peer(name))?.status);
    assert.deepEqual(statuses, ["busy", "busy"], "what either side wrote is nowhere lost");
  }
  checkTranscript("mesh_partition", transcript);
});

function statesOf({ world }: Lab): string[] {
  return world.lives.map(({ name, view }) =>
    view.partitioned ? `${name} is partitioned` : `${name} follows ${view.admin}`
  );
}

Deno.test("transcript: what is said for rooms of 2, 5 and 10, and for 100 updates", () => {
  const census = new Census();
  for (const size of [2, 5, 10]) {
    const started = { seed: size, gpuMemoryMb: Array.from({ length: size }, () => 24_000) };
    const world = new World({
      ...started,
      watcher: { stepped: (_life, _input, effects) => census.count(effects) },
    });
    try {
      world.startAll();
      const isWhole = () => world.lives.every(({ view }) => view.links.length === size - 1);
      passUntil(world, isWhole, 3_000);
      world.timeline.run(world.timeline.now + 1_000);
      assert.equal(pending(world), undefined, "the same room state everywhere, and one admin");
      census.tell(`${size} workers start at once and make ${size * (size - 1) / 2} links`);
      if (size < 10) continue;
      for (let round = 0; round < 10; round++) {
        for (const life of world.lives) life.work(round % 2 === 0 ? "busy" : "available", null);
      }
      const [first] = world.lives;
      const isLevel = () => world.lives.every(({ view }) => sameHeads(view, first?.view));
      passUntil(world, isLevel, 1_000);
      census.tell(
        "10 workers change ten times each, all at once; within 1 s every replica has all",
      );
      assert.equal(pending(world), undefined);
    } finally {
      world.dispose();
    }
  }
  checkTranscript("mesh_sizes", census);
});

/** Counts what is said to whom, by type. */
class Census {
  #text = "";
  readonly #counts = new Map<string, number>();

  get text(): string {
    return this.#text;
  }

  count(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === "dial") this.#add("dials");
      // How many there are is a matter of time alone.
      if (effect.type === "send" && effect.message.type === "heartbeat") continue;
      if (effect.type === "send") this.#add(`to workers: ${effect.message.type}`);
      if (effect.type === "tell_server") this.#add(`to the server: ${effect.message.type}`);
    }
  }

  /** Writes down what was counted since the last time. */
  tell(heading: string): void {
    const lines = [...this.#counts].toSorted(([one], [other]) => one < other ? -1 : 1);
    const rows = lines.map(([what, count]) => `${String(count).padStart(5)}  ${what}\n`);
    this.#text += `${this.#text === "" ? "" : "\n"}# ${heading}\n${rows.join("")}`;
    this.#counts.clear();
  }

  #add(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }
}

function passUntil(world: World, reached: () => boolean, limitMs: number): void {
  const { timeline } = world;
  const until = timeline.now + limitMs;
  while (!reached()) {
    assert.ok(timeline.now < until, `Not within ${limitMs} ms`);
    timeline.run(timeline.now + 10);
  }
}

function sameHeads(one: MeshView, other: MeshView | undefined): boolean {
  return one.heads.join() === other?.heads.join();
}
