/** Clients that watch a worker: what they are told, when they are dropped, and that they change nothing. */

import assert from "node:assert/strict";
import { isLinkId, type LinkId } from "../../lib/base/id.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import { CHANGES_PER_MESSAGE } from "../../lib/mesh/change_batch.ts";
import { OBSERVERS_MAX, WATCH_MS } from "../../lib/mesh/observers.ts";
import type { ObserverMessage, WatchReport } from "../../lib/protocol/watch_message.ts";
import { automergeReady } from "../sim/automerge.ts";
import { pending } from "../sim/convergence.ts";
import { checkTranscript, Transcript } from "../sim/transcript.ts";
import type { Watcher } from "../sim/surroundings.ts";
import { World } from "../sim/world.ts";
import { peer } from "./peers.ts";

await automergeReady();

/** A settled room of two, and what w0 tells those who watch it. */
class Lab {
  readonly told: { readonly linkId: LinkId; readonly message: ObserverMessage }[] = [];
  readonly dropped: LinkId[] = [];
  readonly #watcher: Watcher | undefined;
  readonly world: World = new World({
    seed: 1,
    gpuMemoryMb: [8_000, 24_000],
    watcher: {
      stepped: (life, input, effects) => {
        if (life.peerId === "w0") effects.forEach((effect) => this.#note(effect));
        this.#watcher?.stepped(life, input, effects);
      },
    },
  });

  constructor(watcher?: Watcher) {
    this.#watcher = watcher;
    for (const machine of this.world.machines) this.world.start(machine);
    this.pass(3_000);
    assert.equal(pending(this.world), undefined);
  }

  pass(durationMs: number): void {
    this.world.timeline.run(this.world.timeline.now + durationMs);
  }

  watch(client: string, heads: readonly string[] = []): LinkId {
    const linkId = linkOf(client);
    this.world.worker("w0").take({ type: "watched", linkId, peerId: peer(client), heads });
    return linkId;
  }

  /** What was told since this was last asked. */
  news(): ObserverMessage[] {
    return this.told.splice(0).map(({ message }) => message);
  }

  #note(effect: Effect): void {
    if (effect.type === "tell_observer") this.told.push(effect);
    if (effect.type === "drop") this.dropped.push(effect.linkId);
  }

  [Symbol.dispose](): void {
    this.world.dispose();
  }
}

function linkOf(client: string): LinkId {
  const id = `link${client.replaceAll("-", "")}`;
  if (!isLinkId(id)) throw new Error(`Expected a link id, got ${id}`);
  return id;
}

function reportsIn(messages: readonly ObserverMessage[]): WatchReport[] {
  return messages.filter((message) => message.type === "watch_report");
}

function changesIn(messages: readonly ObserverMessage[]): number[] {
  return messages.flatMap((message) =>
    message.type === "state_broadcast" ? [message.changes.length] : []
  );
}

Deno.test("an observer gets what it lacks, a report, and then each change at once", () => {
  using lab = new Lab();
  const { view } = lab.world.worker("w0");
  lab.watch("laptop");
  const first = lab.news();
  assert.deepEqual(first.map(({ type }) => type), ["state_broadcast", "watch_report"]);
  const [report] = reportsIn(first);
  assert.deepEqual(
    [report?.admin_peer_id, report?.epoch, report?.stale, report?.heads],
    ["w1", view.epoch, false, view.heads],
  );
  assert.deepEqual(report?.lives.map(({ peer_id, alive }) => [peer_id, alive]).toSorted(), [
    ["w0", true],
    ["w1", true],
  ]);

  lab.world.worker("w0").work("busy", null);
  assert.deepEqual(changesIn(lab.news()), [1], "its own change, in the same step");
  lab.world.worker("w1").work("busy", null);
  lab.pass(20);
  assert.deepEqual(changesIn(lab.news()), [1], "another's change, as soon as it is here");

  lab.pass(3_000);
  const quiet = lab.news();
  assert.equal(reportsIn(quiet).length, 3, "one report a heartbeat");
  assert.deepEqual(changesIn(quiet), []);
});

Deno.test("an observer that has everything is sent nothing but reports", () => {
  using lab = new Lab();
  lab.watch("laptop", lab.world.worker("w0").view.heads);
  assert.deepEqual(lab.news().map(({ type }) => type), ["watch_report"]);
});

Deno.test("reports tell that the admin is dead, and who follows", () => {
  using lab = new Lab();
  lab.watch("laptop");
  lab.world.worker("w1").kill();
  lab.pass(8_000);
  const seen = reportsIn(lab.news()).map((report) => {
    const alive = report.lives.find(({ peer_id }) => peer_id === "w1")?.alive;
    return `${report.admin_peer_id} ${alive} ${report.stale}`;
  });
  assert.deepEqual([...new Set(seen)], ["w1 true false", "w0 false false"]);
});

Deno.test("a long history comes in parts, each asked for", () => {
  using lab = new Lab();
  for (let index = 0; index < CHANGES_PER_MESSAGE; index++) {
    lab.world.worker("w0").work(index % 2 === 0 ? "busy" : "available", null);
  }
  lab.pass(100);
  lab.watch("laptop");
  assert.deepEqual(changesIn(lab.news()), [CHANGES_PER_MESSAGE]);
  lab.pass(2_000);
  assert.deepEqual(changesIn(lab.news()), [], "nothing more until it has said what it has");
  lab.watch("laptop", lab.world.worker("w0").view.heads);
  lab.world.worker("w0").work("maintenance", null);
  assert.deepEqual(changesIn(lab.news()), [1]);
});

Deno.test("an observer that does not say again that it watches is dropped, and only that one", () => {
  using lab = new Lab();
  const silent = lab.watch("silent");
  lab.pass(WATCH_MS / 2);
  const faithful = lab.watch("faithful");
  lab.pass(WATCH_MS / 2 + 1_100);
  assert.deepEqual(lab.dropped, [silent]);
  lab.news();
  lab.pass(1_100);
  assert.deepEqual([...new Set(lab.told.map(({ linkId }) => linkId))], [faithful]);
});

Deno.test("a worker that was held up does not blame its observers", () => {
  using lab = new Lab();
  lab.watch("laptop");
  const { view: { heads } } = lab.world.worker("w0");
  lab.world.worker("w0").pause();
  lab.pass(4 * WATCH_MS);
  lab.watch("laptop", heads);
  lab.world.worker("w0").resume();
  lab.news();
  lab.pass(1_100);
  assert.ok(!lab.dropped.includes(linkOf("laptop")));
  assert.ok(reportsIn(lab.news()).length > 0);
});

Deno.test("unwatched or closed, nothing more is told", () => {
  for (const type of ["unwatched", "link_closed"] as const) {
    using lab = new Lab();
    const linkId = lab.watch("laptop");
    const gone = type === "unwatched"
      ? { type, linkId }
      : { type, linkId, peerId: peer("laptop"), reason: "closed" };
    lab.world.worker("w0").take(gone);
    lab.news();
    lab.world.worker("w0").work("busy", null);
    lab.pass(2_000);
    assert.deepEqual(lab.news(), [], type);
  }
});

Deno.test("one watch a client, and a limit for all", () => {
  using lab = new Lab();
  for (let index = 0; index < OBSERVERS_MAX; index++) lab.watch(`c${index}`);
  lab.news();
  lab.watch("one-too-many");
  const [refusal, ...more] = lab.news();
  assert.deepEqual(more, []);
  assert.ok(refusal?.type === "watch_refused" && /32 clients watch/.test(refusal.reason));
  const again = linkOf("again");
  lab.world.worker("w0").take({ type: "watched", linkId: again, peerId: peer("c0"), heads: [] });
  assert.ok(lab.told.every(({ message }) => message.type !== "watch_refused"));
  lab.news();
  lab.pass(1_100);
  const linkIds = new Set(lab.told.map(({ linkId }) => linkId));
  assert.deepEqual([linkIds.has(again), linkIds.has(linkOf("c0"))], [true, false]);
  assert.equal(linkIds.size, OBSERVERS_MAX);
});

Deno.test("who watches changes nothing of what workers say to each other", () => {
  const runs = [false, true].map((isWatched) => {
    using lab = new Lab();
    for (let round = 0; round < 5; round++) {
      if (isWatched) lab.watch("laptop");
      lab.world.worker("w1").work(round % 2 === 0 ? "busy" : "available", null);
      lab.pass(5_000);
    }
    const { view } = lab.world.worker("w0");
    return [lab.world.wire.totals.messages, view.heads, view.epoch, [...view.liveness]];
  });
  assert.deepEqual(runs[0], runs[1]);
});

Deno.test("transcript: watch", () => {
  const transcript = new Transcript();
  using lab = new Lab({ stepped: (...step) => transcript.stepped(...step) });
  transcript.clear();
  transcript.note("A client watches a worker, and says that it has nothing yet");
  lab.watch("laptop");
  transcript.note("Another worker's status comes to the worker, and from there to the client");
  lab.world.worker("w1").work("busy", null);
  lab.pass(100);
  transcript.note("The client says again that it watches, and what it has");
  lab.watch("laptop", lab.world.worker("w0").view.heads);
  transcript.note("It watches no longer");
  lab.world.worker("w0").take({ type: "unwatched", linkId: linkOf("laptop") });
  checkTranscript("mesh_watch", transcript);
});
