/** Single faults, told as stories: what a person in the lab would see, and within which time. */

import assert from "node:assert/strict";
import { automergeReady } from "./automerge.ts";
import { pending } from "./convergence.ts";
import { withPlantedFault } from "./planted_fault.ts";
import { SERVER } from "./signal_server.ts";
import type { NodeFactory } from "./surroundings.ts";
import type { WorkerLife } from "./worker_life.ts";
import { World } from "./world.ts";

await automergeReady();

/** A lab whose workers have found each other. w0 is the best, then w1, w2, … */
class Lab {
  readonly world: World;
  readonly logged: { readonly who: string; readonly event: string }[] = [];
  /** When each was let in by the server, and when it was given the list of the others. */
  readonly letIn: Map<string, number> = new Map();
  readonly listed: Map<string, number> = new Map();

  /** `later` more machines have workers that a story starts itself. */
  constructor(
    workers: number,
    { later = 0, createNode }: { later?: number; createNode?: NodeFactory | undefined } = {},
  ) {
    const machines = workers + later;
    this.world = new World({
      seed: workers,
      gpuMemoryMb: Array.from({ length: machines }, (_, index) => 80_000 - 8_000 * index),
      ...(createNode === undefined ? {} : { createNode }),
      watcher: {
        stepped: (life, input, effects) => {
          const { now } = this.world.timeline;
          const said = input.type === "server_said" || input.type === "peer_said"
            ? input.message.type
            : undefined;
          if (said === "registered_auth") this.letIn.set(life.name, now);
          if (said === "mesh_peer_list") this.listed.set(life.name, now);
          for (const effect of effects) {
            if (effect.type !== "log") continue;
            this.logged.push({ who: life.name, event: String(effect.fields["event"]) });
          }
        },
      },
    });
    for (const machine of this.world.machines.slice(0, workers)) this.world.start(machine);
    this.pass(5_000);
    assert.equal(pending(this.world), undefined);
    this.logged.length = 0;
  }

  /** Starts the worker of a machine. */
  start(name: string): void {
    const machine = this.world.machines.find(({ peerId }) => peerId === name);
    assert.ok(machine);
    this.world.start(machine);
  }

  pass(durationMs: number): void {
    this.world.timeline.run(this.world.timeline.now + durationMs);
  }

  worker(name: string): WorkerLife {
    return this.world.worker(name);
  }

  /** How long it takes until `reached`, in milliseconds; fails after `limitMs`. */
  until(reached: () => boolean, limitMs: number): number {
    const start = this.world.timeline.now;
    while (!reached()) {
      assert.ok(this.world.timeline.now - start <= limitMs, `Not within ${limitMs} ms`);
      this.pass(10);
    }
    return this.world.timeline.now - start;
  }

  /** Whom each of them follows; `-` where nobody, in brackets where it is partitioned. */
  admins(...names: string[]): string {
    return names.map((name) => {
      const { admin, partitioned } = this.worker(name).view;
      return partitioned ? `(${admin ?? "-"})` : admin ?? "-";
    }).join(" ");
  }

  events(event: string): string[] {
    return this.logged.filter((logged) => logged.event === event).map(({ who }) => who);
  }

  [Symbol.dispose](): void {
    this.world.dispose();
  }
}

/** Blocks everything between two sets of machines, both ways. */
function between(some: readonly string[], others: readonly string[]) {
  return {
    blocks: (from: string, to: string) =>
      (some.includes(from) && others.includes(to)) || (others.includes(from) && some.includes(to)),
  };
}

Deno.test("a newcomer is given the list of the others within a second", () => {
  for (const workers of [2, 5]) {
    using lab = new Lab(workers, { later: 1 });
    const name = `w${workers}`;
    lab.start(name);
    lab.until(() => lab.listed.has(name), 3_000);
    const tookMs = (lab.listed.get(name) ?? Infinity) - (lab.letIn.get(name) ?? Infinity);
    assert.ok(tookMs < 1_000, `${tookMs} ms`);
    lab.until(() => pending(lab.world) === undefined, 5_000);
  }
});

Deno.test("an admin that says goodbye is replaced within 0.2 s", () => {
  using lab = new Lab(3);
  lab.worker("w0").stop();
  lab.until(() => lab.admins("w1", "w2") === "w1 w1", 200);
});

Deno.test("an admin that is killed is replaced within 2.5 s, and one that loses power within 6 s", () => {
  for (const [silently, limitMs] of [[false, 2_500], [true, 6_000]] as const) {
    using lab = new Lab(3);
    lab.worker("w0").kill(silently);
    lab.until(() => lab.admins("w1", "w2") === "w1 w1", limitMs);
    lab.until(() => lab.world.server.admin.peerId === "w1", 100);
  }
});

Deno.test("in a room of two, the server's word lets the other follow a killed admin within 2.5 s", () => {
  using lab = new Lab(2);
  lab.worker("w0").kill();
  lab.until(() => lab.worker("w1").view.leads, 2_500);
});

Deno.test("a worker that has only just come follows a killed admin as fast as any other", () => {
  using lab = new Lab(1, { later: 1 });
  lab.start("w1");
  lab.until(() => lab.admins("w1") === "w0", 1_000);
  lab.pass(300);
  lab.worker("w0").kill();
  lab.until(() => lab.worker("w1").view.leads, 2_500);
});

Deno.test("in a room of two whose admin loses power, the other waits until the server misses it too", () => {
  using lab = new Lab(2);
  lab.worker("w0").kill(true);
  lab.pass(10_000);
  assert.equal(lab.admins("w1"), "(w0)");
  lab.until(() => lab.worker("w1").view.leads, 60_000);
});

Deno.test("an admin that slept for ten minutes comes back, and follows no word of its own from before", () => {
  using lab = new Lab(3);
  lab.world.sleep(lab.worker("w0"), 600_000);
  lab.pass(590_000);
  assert.equal(lab.admins("w1", "w2"), "w1 w1");
  lab.pass(10_000);
  lab.until(() => pending(lab.world) === undefined, 30_000);
  assert.equal(lab.admins("w0", "w1", "w2"), "w0 w0 w0");
});

Deno.test("a slow worker is borne with", () => {
  using lab = new Lab(3);
  lab.world.slow(lab.worker("w2"), 800, 60_000);
  lab.pass(60_000);
  assert.deepEqual(lab.events("peer_dead"), []);
});

Deno.test("two workers without each other still have one admin, by way of the third", () => {
  using lab = new Lab(3);
  lab.world.trouble(between(["w0"], ["w2"]), 120_000);
  lab.pass(40_000);
  assert.deepEqual(lab.worker("w2").view.links, ["w1"], "the link is given up");
  assert.equal(lab.admins("w0", "w1", "w2"), "w0 w0 w0");
  assert.deepEqual(lab.events("peer_dead"), []);
  lab.worker("w2").work("busy", null);
  lab.until(
    () => lab.worker("w0").view.entries.get(lab.worker("w2").peerId)?.status === "busy",
    3_000,
  );
});

Deno.test("a newcomer that cannot reach the admin follows it all the same", () => {
  using lab = new Lab(3);
  const newcomer = lab.worker("w2");
  newcomer.kill();
  lab.pass(10_000);
  lab.world.trouble(between(["w0"], ["w2"]), 120_000);
  lab.world.startAll();
  lab.until(() => lab.admins("w2") === "w0", 15_000);
  lab.pass(20_000);
  assert.equal(lab.admins("w0", "w1", "w2"), "w0 w0 w0");
});

Deno.test("the smaller part of a cut room is partitioned and the larger one elects; healing loses nothing", () => {
  using lab = new Lab(5);
  const [few, many] = [["w0", "w1"], ["w2", "w3", "w4"]];
  lab.world.trouble(between(few, [...many, SERVER]), 30_000);
  lab.until(() => lab.admins(...few, ...many) === "(w0) (w0) w2 w2 w2", 8_000);
  lab.worker("w0").work("busy", null);
  lab.worker("w3").work("maintenance", null);
  lab.pass(15_000);
  assert.equal(lab.admins(...few, ...many), "(w0) (w0) w2 w2 w2");
  lab.pass(10_000);
  lab.until(() => pending(lab.world) === undefined, 30_000);
  for (const { view } of lab.world.lives) {
    assert.equal(view.entries.get(lab.worker("w0").peerId)?.status, "busy");
    assert.equal(view.entries.get(lab.worker("w3").peerId)?.status, "maintenance");
  }
});

Deno.test("of two halves without the server, neither decides, and both are one room again afterwards", () => {
  using lab = new Lab(4);
  lab.world.serverDown(25_000);
  lab.pass(1_000);
  lab.world.trouble(between(["w0", "w3"], ["w1", "w2"]), 30_000);
  lab.pass(15_000);
  assert.ok(lab.world.lives.every(({ view }) => view.partitioned && !view.leads));
  lab.until(() => pending(lab.world) === undefined, 40_000);
});

Deno.test("a half whose server has fallen silent does not lead by its last word", () => {
  using lab = new Lab(4);
  lab.world.trouble(between(["w0", "w1"], ["w2", "w3", SERVER]), 30_000);
  lab.pass(15_000);
  // The server still holds w0 for the admin, so the other half gets no grant either.
  assert.equal(lab.admins("w0", "w1", "w2", "w3"), "(w0) (w0) (w0) (w0)");
  lab.until(() => pending(lab.world) === undefined, 40_000);
});

/** Cuts a room of four from w0 to w3 in halves; the second has the server, which drops w0 in time. */
function leadersOfHalves(createNode?: NodeFactory): string {
  using lab = new Lab(4, { createNode });
  lab.world.trouble(between(["w0", "w1"], ["w2", "w3", SERVER]), 90_000);
  lab.pass(70_000);
  return lab.world.lives.filter(({ view }) => view.leads).map(({ name }) => name).join(" ");
}

Deno.test("of two halves, the one with the server decides once the server misses the admin", () => {
  assert.equal(leadersOfHalves(), "w2");
});

Deno.test("planted fault found by that story: half a room decides by the smallest id where it has lost the server", async () => {
  const faults = [{
    file: "quorum.ts",
    sound: "if (server === undefined) return false;",
    faulty: "if (server === undefined) return living.has([...agreed].toSorted()[0]);",
  }];
  await withPlantedFault(faults, (createNode) => {
    assert.equal(leadersOfHalves(createNode), "w0 w2");
  });
});

Deno.test("of two halves, the one that has the server's admin decides", () => {
  using lab = new Lab(4);
  lab.world.trouble(between(["w0", "w1"], ["w2", "w3"]), 30_000);
  lab.pass(15_000);
  assert.equal(lab.admins("w0", "w1", "w2", "w3"), "w0 w0 (w0) (w0)");
});

Deno.test("half a room that has lost the server in silence does not take its own claim for granted", () => {
  using lab = new Lab(10);
  const names = lab.world.machines.map(({ peerId }) => peerId);
  const [half, rest] = [names.slice(0, 5), names.slice(5)];
  lab.world.trouble(between(rest, [...half, SERVER]), 60_000);
  lab.pass(12_000);
  const leaders = lab.world.lives.filter(({ view }) => view.leads).map(({ name }) => name);
  assert.deepEqual(leaders, ["w0"]);
});

/** Cuts a room just before or after w3 comes in beside w0. Gives who leads in each second of the cut. */
function leadersInCut(serverWith: string, afterMs: number, createNode?: NodeFactory): string[] {
  using lab = new Lab(3, { later: 1, createNode });
  if (afterMs < 0) lab.start("w3");
  lab.pass(Math.max(0, -afterMs));
  const [side, others] = [["w0", "w3"], ["w1", "w2"]];
  (serverWith === "w0" ? side : others).push(SERVER);
  lab.world.trouble(between(side, others), 60_000);
  if (afterMs >= 0) {
    lab.pass(afterMs);
    lab.start("w3");
  }
  lab.pass(9_500);
  const leaders: string[] = [];
  for (let second = 0; second < 40; second++) {
    leaders.push(
      lab.world.lives.filter(({ view }) => view.leads).map(({ name }) => name).join(" "),
    );
    lab.pass(1_000);
  }
  lab.pass(20_000);
  lab.until(() => pending(lab.world) === undefined, 40_000);
  return leaders;
}

Deno.test("a newcomer that only one side of a cut room knows does not make that side a majority", () => {
  const starts = { w0: [-300, -50, 0, 300, 1_000, 2_000, 4_000], w1: [-50, 300] };
  for (const [serverWith, startsMs] of Object.entries(starts)) {
    for (const afterMs of startsMs) {
      const rivals = leadersInCut(serverWith, afterMs).filter((names) => names.includes(" "));
      assert.deepEqual(rivals, [], `w3 after ${afterMs} ms, the server with ${serverWith}`);
    }
  }
});

Deno.test("planted fault found by that story: a newcomer counts at once", async () => {
  const faults = [{
    file: "electorate.ts",
    sound: "return count * 2 > this.#settled.size;",
    faulty: "return count >= 0;",
  }];
  await withPlantedFault(faults, (createNode) => {
    assert.ok(leadersInCut("w0", 300, createNode).includes("w0 w1"));
  });
});

Deno.test("a minority that has the server stays one, however long the cut lasts", () => {
  using lab = new Lab(5);
  lab.world.trouble(between(["w0", "w1", SERVER], ["w2", "w3", "w4"]), 200_000);
  lab.until(() => lab.admins("w2", "w3", "w4") === "w2 w2 w2", 10_000);
  for (let second = 0; second < 180; second++) {
    lab.pass(1_000);
    assert.equal(lab.admins("w0", "w1"), "(w0) (w0)", `after ${second} s`);
  }
  lab.pass(20_000);
  lab.until(() => pending(lab.world) === undefined, 30_000);
});

Deno.test("a majority that died without a goodbye is waited for, until one more of it is back", () => {
  using lab = new Lab(5);
  for (const name of ["w0", "w1", "w2"]) lab.worker(name).kill(true);
  lab.pass(180_000);
  assert.equal(lab.admins("w3", "w4"), "(w0) (w0)");
  lab.start("w1");
  lab.until(() => lab.admins("w1", "w3", "w4") === "w1 w1 w1", 15_000);
  lab.pass(15_000);
  lab.worker("w4").kill(true);
  lab.until(() => lab.admins("w1", "w3") === "w1 w1", 1_000);
});

Deno.test("nobody is declared dead for a pause of three seconds, and one of a minute changes no admin", () => {
  using lab = new Lab(4);
  lab.world.pause(lab.worker("w1"), 3_000);
  lab.pass(6_000);
  assert.deepEqual(lab.events("peer_dead"), []);
  lab.world.pause(lab.worker("w1"), 60_000);
  lab.pass(60_000);
  lab.until(() => pending(lab.world) === undefined, 20_000);
  assert.deepEqual(lab.events("admin_elected"), []);
});

Deno.test("an admin that was stopped for a minute takes nobody for dead when it goes on", () => {
  for (const size of [3, 5]) {
    using lab = new Lab(size);
    lab.world.pause(lab.worker("w0"), 60_000);
    lab.pass(59_900);
    lab.logged.length = 0;
    lab.pass(30_000);
    const ofAdmin = lab.logged.filter(({ who }) => who === "w0").map(({ event }) => event);
    assert.deepEqual(ofAdmin.filter((event) => ["peer_dead", "partitioned"].includes(event)), []);
    assert.equal(pending(lab.world), undefined);
  }
});

Deno.test("an admin that wakes up alone leads beside another no longer than it takes to notice", () => {
  for (const stop of ["pause", "sleep"] as const) {
    for (const size of [2, 3, 5]) {
      using lab = new Lab(size);
      lab.world[stop](lab.worker("w0"), 60_000);
      lab.pass(58_000);
      const others = lab.world.machines.map(({ peerId }) => peerId).filter((name) => name !== "w0");
      lab.world.trouble(between(["w0"], [...others, SERVER]), 60_000);
      lab.pass(2_000);
      lab.until(() => !lab.worker("w0").view.leads, 9_500);
      lab.pass(30_000);
      assert.equal(lab.admins("w0", "w1"), "(w0) w1", `${stop} of ${size}`);
    }
  }
});

Deno.test("the server may go and come back without anybody noticing", () => {
  using lab = new Lab(3);
  lab.world.serverDown(20_000);
  lab.pass(10_000);
  assert.equal(lab.admins("w0", "w1", "w2"), "w0 w0 w0");
  lab.until(() => lab.world.server.admin.peerId === "w0", 20_000);
  assert.deepEqual([lab.events("admin_elected"), lab.events("peer_dead")], [[], []]);
});

Deno.test("a link that is cut is replaced without a death, in a room of two as in one of five", () => {
  for (const size of [2, 5]) {
    using lab = new Lab(size);
    const [end] = lab.world.links.endsOf(lab.worker("w0"));
    assert.ok(end);
    lab.world.links.drop(end.user, end.linkId, "A story cut it");
    lab.pass(10);
    lab.until(() => pending(lab.world) === undefined, 5_000);
    assert.deepEqual(lab.events("peer_dead"), []);
  }
});

Deno.test("a link that carries words one way only is down on both sides", () => {
  using lab = new Lab(2);
  lab.world.trouble({ blocks: (from, to) => from === "w0" && to === "w1" }, 60_000);
  lab.until(
    () => lab.world.lives.every(({ view }) => view.links.length === 0),
    10_000,
  );
  lab.pass(60_000);
  lab.until(() => pending(lab.world) === undefined, 15_000);
});

Deno.test("a link that carries words one way only is down on both sides also where others hear both", () => {
  for (const [speaker, listener] of [["w1", "w2"], ["w2", "w1"]] as const) {
    using lab = new Lab(4);
    lab.world.trouble({ blocks: (from, to) => from === speaker && to === listener }, 60_000);
    const isLinked = (name: string, to: string) =>
      lab.worker(name).view.links.some((peerId) => peerId === to);
    lab.until(() => !isLinked(speaker, listener) && !isLinked(listener, speaker), 7_000);
    lab.pass(30_000);
    assert.deepEqual(lab.events("peer_dead"), [], "others hear both");
    lab.pass(30_000);
    lab.until(() => pending(lab.world) === undefined, 15_000);
  }
});

Deno.test("a worker that comes back with its clock set back is let in again", () => {
  using lab = new Lab(3);
  lab.worker("w2").kill();
  const machine = lab.world.machines.find(({ peerId }) => peerId === "w2");
  assert.ok(machine);
  lab.world.start(machine, true);
  lab.until(() => pending(lab.world) === undefined, 30_000);
});

Deno.test("ten workers form a mesh of 45 links within three seconds", () => {
  using world = disposable(
    new World({ seed: 10, gpuMemoryMb: Array.from({ length: 10 }, () => 24_000), latencyMs: 1 }),
  );
  world.value.startAll();
  world.value.timeline.run(3_000);
  assert.equal(pending(world.value), undefined);
});

Deno.test("a mesh that is whole lacks nobody's entry for more than a tenth of a second", () => {
  for (let seed = 1; seed <= 8; seed++) {
    using lab = disposable(
      new World({ seed, gpuMemoryMb: Array.from({ length: 10 }, () => 24_000), latencyMs: 5 }),
    );
    lab.value.startAll();
    const { timeline, lives } = lab.value;
    const pass = (until: () => boolean, limitMs: number) => {
      const deadline = timeline.now + limitMs;
      while (!until()) {
        assert.ok(timeline.now < deadline, `Seed ${seed}: not within ${limitMs} ms`);
        timeline.run(timeline.now + 5);
      }
    };
    pass(() => lives.every(({ view }) => view.links.length === 9), 5_000);
    pass(() => lives.every(({ view }) => view.entries.size === 10), 100);
  }
});

function disposable(value: World) {
  return { value, [Symbol.dispose]: () => value.dispose() };
}
