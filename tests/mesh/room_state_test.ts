/** The room state: what merges, in any order, and what is refused whoever sends it. */

import * as automerge from "@automerge/automerge/slim";
import assert from "node:assert/strict";
import fc from "fast-check";
import { changeBytes } from "../../lib/mesh/author.ts";
import { queueKey, readChange, RoomDocument } from "../../lib/mesh/automerge.ts";
import { isJobId } from "../../lib/base/id.ts";
import { RoomState } from "../../lib/mesh/room_state.ts";
import type { SignedChange } from "../../lib/protocol/mesh_message.ts";
import type { Metadata, WorkerEntry, WorkerStatus } from "../../lib/protocol/worker.ts";
import { automergeReady } from "../sim/automerge.ts";
import { createStandInSigner } from "../sim/stand_in_signer.ts";
import { metadataOf, peer, room } from "./peers.ts";
import { jobOf, row } from "./queued.ts";

await automergeReady();

/** A replica of `name`, freed at the end of `using`. */
function replica(name: string, incarnation = 1) {
  const peerId = peer(name);
  const author = { roomId: room(), peerId, incarnation, signer: createStandInSigner(peerId) };
  const state = RoomState.create(author);
  const entry = (status: WorkerStatus, metadata: Metadata = metadataOf(8_000)): WorkerEntry => ({
    peer_id: peerId,
    incarnation,
    status,
    current_job: null,
    metadata,
  });
  const write = (status: WorkerStatus, metadata?: Metadata): SignedChange => {
    const change = state.update(entry(status, metadata));
    assert.ok(change);
    return change;
  };
  return { author, state, entry, write, [Symbol.dispose]: () => state.dispose() };
}

type ForgedChange = Parameters<typeof automerge.encodeChange>[0];

/** A change as `author` would send it, made by hand. */
function forge(name: string, change: ForgedChange, actorOfLife = 1): SignedChange {
  const signer = createStandInSigner(peer(name));
  const chunk = automerge.encodeChange({
    ...change,
    actor: signer.actorOf(peer(name), actorOfLife),
  });
  return {
    author: peer(name),
    incarnation: actorOfLife,
    public_key: signer.publicKey,
    change: chunk.toBase64(),
    signature: signer.sign(changeBytes(room(), chunk)),
  };
}

const EMPTY: ForgedChange = {
  actor: "",
  author: null,
  seq: 1,
  startOp: 2,
  time: 0,
  message: null,
  deps: [],
  ops: [],
};

/** How many changes there are, and how many wait. */
function sizeOf({ size: { changes, waiting } }: RoomState): unknown {
  return { changes, waiting };
}

/** What makes `evil`'s own entry. */
const ownEntry = { action: "makeMap", obj: "1@00", key: "evil" } as const;

/** Nothing forbids it, and Automerge cannot take it: eight changes before it were never written. */
const senselessDraft = { seq: 9, ops: [{ ...ownEntry, pred: [] }] };

/** Where a change stands that builds on all that `state` holds. */
function after(state: RoomState): Pick<ForgedChange, "deps" | "startOp"> {
  return { deps: state.heads, startOp: state.size.operations + 1 };
}

Deno.test("every room starts from the same change", () => {
  const fresh = automerge.change(
    automerge.init<{ workers: Record<string, never> }>({ actor: "00" }),
    { time: 0 },
    (draft) => {
      draft.workers = {};
    },
  );
  for (const actor of ["aa", "bb"]) {
    const document = new RoomDocument(actor);
    assert.deepEqual(document.heads, automerge.getHeads(fresh));
    document.free();
  }
  automerge.free(fresh);
});

Deno.test("replicas that took the same changes in any order are equal", () => {
  using one = replica("w1");
  using two = replica("w2");
  const changes = [
    one.write("busy"),
    two.write("available", metadataOf(24_000, ["fast"])),
    one.write("available", metadataOf(8_000, ["slow"])),
    two.write("draining", { tags: [], properties: { gpu_model: "A5000", mounts: ["a", "b"] } }),
    one.write("maintenance"),
  ];
  one.state.merge(changes);
  fc.assert(
    fc.property(fc.shuffledSubarray(changes, { minLength: 5 }), fc.nat(4), (shuffled, again) => {
      using third = replica("w3");
      const { refused } = third.state.merge([...shuffled, ...shuffled.slice(0, again)]);
      assert.deepEqual(refused, []);
      assert.deepEqual(third.state.heads, one.state.heads);
      assert.deepEqual(
        Object.fromEntries(third.state.entries),
        Object.fromEntries(one.state.entries),
      );
    }),
    { numRuns: 30 },
  );
  assert.deepEqual(one.state.entries.get(peer("w2")), {
    ...two.entry("draining"),
    metadata: { tags: [], properties: { gpu_model: "A5000", mounts: ["a", "b"] } },
  });
});

Deno.test("a late joiner gets exactly what it lacks, and waits with what has a gap", () => {
  using one = replica("w1");
  using late = replica("w2");
  const [first, second, third] = [one.write("busy"), one.write("available"), one.write("busy")];
  assert.ok(first && second && third);
  late.state.merge([first]);
  assert.deepEqual(one.state.lackedBy(late.state.heads), [second, third]);
  assert.deepEqual(one.state.lackedBy(late.state.heads, 1), [second]);
  late.state.merge([third]);
  assert.deepEqual(sizeOf(late.state), { changes: 1, waiting: 1 });
  assert.ok(late.state.lacks(one.state.heads));
  late.state.merge([second]);
  assert.deepEqual(sizeOf(late.state), { changes: 3, waiting: 0 });
  assert.deepEqual(late.state.heads, one.state.heads);
});

Deno.test("whatever is lost or comes twice, asking once more for what is lacked makes replicas equal", () => {
  const lives = fc.array(fc.nat(2), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(lives, fc.infiniteStream(fc.nat(99)), (writers, chance) => {
      const drawn = chance[Symbol.iterator]();
      const percent = () => drawn.next().value ?? 0;
      const replicas = [replica("w1"), replica("w2"), replica("w3")];
      for (const writer of writers) {
        const own = replicas[writer];
        const status = own?.state.entries.get(own.author.peerId)?.status;
        const change = own?.write(status === "busy" ? "available" : "busy");
        if (change === undefined) continue;
        for (const other of replicas) {
          if (other === own || percent() < 40) continue;
          other.state.merge(percent() < 30 ? [change, change] : [change]);
        }
      }
      for (const asking of [...replicas, ...replicas]) {
        for (const asked of replicas) {
          const { heads, held } = asking.state;
          const { refused } = asking.state.merge(asked.state.lackedBy(heads, Infinity, held));
          assert.deepEqual(refused, []);
        }
      }
      const heads = replicas.map(({ state }) => state.heads.join());
      assert.equal(new Set(heads).size, 1);
      assert.deepEqual(replicas.map(({ state }) => state.size.waiting), [0, 0, 0]);
      for (const { state } of replicas) state.dispose();
    }),
    { numRuns: 40 },
  );
});

Deno.test("two that wrote a hundred changes apart catch up in messages of 64", () => {
  using one = replica("w1");
  using two = replica("w2");
  for (let index = 0; index < 100; index++) {
    one.write(index % 2 === 0 ? "busy" : "available");
    two.write(index % 2 === 0 ? "busy" : "available");
  }
  // By heads alone, one that knows none of them sends its oldest changes again and again.
  for (let round = 0; round < 2; round++) {
    one.state.merge(two.state.lackedBy(one.state.heads, 64, one.state.held));
  }
  assert.equal(one.state.size.changes, 200);
  assert.deepEqual(two.state.lackedBy([], Infinity, one.state.held), []);
});

Deno.test("writing the same again is no change; a new life replaces the entry whole", () => {
  using old = replica("w1", 1);
  const first = old.write("busy", metadataOf(8_000, ["old"]));
  assert.equal(old.state.update(old.entry("busy", metadataOf(8_000, ["old"]))), undefined);
  using young = replica("w1", 2);
  young.write("available");
  young.state.merge([first]);
  assert.deepEqual([...young.state.contested], ["w1"]);
  assert.ok(
    young.state.update(young.entry("available", metadataOf(8_000))),
    "settles the conflict",
  );
  old.state.merge(young.state.serialise());
  for (const { state } of [old, young]) {
    assert.deepEqual(state.entries.get(peer("w1")), young.entry("available"));
  }
});

Deno.test("the last word of an earlier life never hides a later one's, whatever Automerge prefers", () => {
  const seen = [1, 2, 3, 4].map((laterLife) => {
    using old = replica("w1", laterLife);
    using young = replica("w1", laterLife + 1);
    using other = replica("w2");
    const { refused } = other.state.merge([old.write("busy"), young.write("left")]);
    assert.deepEqual(refused, []);
    return other.state.entries.get(peer("w1"))?.status;
  });
  assert.deepEqual(seen, ["left", "left", "left", "left"]);
});

Deno.test("an entry that changes step by step reads like one that is read at once", () => {
  const step = fc.record({
    life: fc.integer({ min: 1, max: 2 }),
    status: fc.constantFrom<WorkerStatus>("available", "reserved", "busy"),
    job: fc.option(fc.constantFrom("job-aaaaaaaa", "job-bbbbbbbb"), { nil: null }),
    tag: fc.constantFrom("fast", "slow"),
    memoryMb: fc.constantFrom(8_000, 0.5, -1),
    merges: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 10 }), (steps) => {
      using first = replica("w1", 1);
      using second = replica("w1", 2);
      using reader = replica("w2");
      for (const { life, status, job, tag, memoryMb, merges } of steps) {
        const [own, other] = life === 1 ? [first, second] : [second, first];
        const current_job = job !== null && isJobId(job)
          ? { job_id: job, client_id: peer("laptop") }
          : null;
        const entry = { ...own.entry(status, metadataOf(memoryMb, [tag])), current_job };
        const change = own.state.update(entry);
        if (change === undefined) continue;
        const readers = merges ? [reader, other] : [reader];
        for (const { state } of readers) assert.deepEqual(state.merge([change]).refused, []);
        for (const { state, author } of [reader, own]) {
          const fresh = RoomState.deserialise(author, state.serialise());
          assert.deepEqual(
            Object.fromEntries(state.entries),
            Object.fromEntries(fresh.entries),
          );
          assert.deepEqual(state.heads, fresh.heads);
          fresh.dispose();
        }
      }
    }),
    { numRuns: 25 },
  );
});

Deno.test("what a liar writes into its own entry reads the same step by step and at once", () => {
  const writes: ForgedChange["ops"] = [
    { action: "set", obj: "", key: "incarnation", value: 7, datatype: "counter", pred: [] },
    { action: "set", obj: "", key: "incarnation", value: 7, datatype: "timestamp", pred: [] },
    { action: "set", obj: "", key: "incarnation", value: 7, datatype: "uint", pred: [] },
    { action: "set", obj: "", key: "status", value: 0.5, pred: [] },
    { action: "del", obj: "", key: "status", pred: [] },
  ];
  for (const write of writes) {
    using evil = replica("evil");
    using reader = replica("w1");
    const first = evil.write("available");
    const facts = readChange(Uint8Array.fromBase64(first.change));
    const made = facts?.operations.find(({ action }) => action === "makeMap");
    const old = facts?.operations.find(({ key }) => key === write.key);
    assert.ok(facts && made && old);
    const lie = forge("evil", {
      ...EMPTY,
      seq: 2,
      startOp: facts.startOp + facts.operations.length,
      deps: [facts.hash],
      ops: [{ ...write, obj: made.id, pred: [old.id] }],
    });
    assert.deepEqual(reader.state.merge([first]).refused, []);
    assert.deepEqual(reader.state.merge([lie]).refused, []);
    const fresh = RoomState.deserialise(reader.author, reader.state.serialise());
    assert.deepEqual(reader.state.entries, fresh.entries, JSON.stringify(write));
    fresh.dispose();
  }
});

Deno.test("a senseless change among others costs only itself and those that build on it", () => {
  using one = replica("w1");
  using two = replica("w2");
  using reader = replica("w3");
  const [first, second, third] = [one.write("busy"), two.write("busy"), one.write("draining")];
  const senseless = forge("evil", {
    ...EMPTY,
    ...after(two.state),
    ...senselessDraft,
  });
  assert.ok(first && second && third);
  const { applied, refused } = reader.state.merge([first, second, senseless, third]);
  assert.deepEqual(applied, [first, second, third]);
  assert.match(refused.join(), /^Expected a change that applies, got a senseless one from evil$/);
  assert.deepEqual(sizeOf(reader.state), { changes: 3, waiting: 0 });
  assert.deepEqual(reader.state.lackedBy([]), [first, second, third]);
});

Deno.test("a long entry travels as a whole", () => {
  using one = replica("w1");
  using two = replica("w2");
  const properties = Object.fromEntries(
    Array.from({ length: 14 }, (_, index) => [`property_${index}`, "long ".repeat(100)]),
  );
  const { refused } = two.state.merge([one.write("available", { tags: [], properties })]);
  assert.deepEqual(refused, []);
  assert.deepEqual(two.state.entries.get(peer("w1"))?.metadata.properties, properties);
});

Deno.test("a saved state comes back, and a spoilt one does not", () => {
  using one = replica("w1");
  one.write("busy");
  one.state.nameAdmin();
  const saved = one.state.serialise();
  const back = RoomState.deserialise(one.author, saved);
  assert.deepEqual(back.heads, one.state.heads);
  assert.equal(back.adminHint, "w1");
  back.dispose();
  const spoilt = saved.map((change) => ({ ...change, signature: "none" }));
  assert.throws(() => RoomState.deserialise(one.author, spoilt), /signature/);
});

Deno.test("what is not its author's is refused, and leaves the state as it was", () => {
  using victim = replica("w1");
  using evil = replica("evil");
  const own = victim.write("available");
  const [head = ""] = victim.state.heads;
  const good = evil.write("available");
  const elsewhere = automerge.init<Record<string, string>>({ actor: "ee" });
  const compressed = automerge.save(
    automerge.change(elsewhere, (draft) => {
      draft["long"] = "x".repeat(10_000);
    }),
  );
  const set = (obj: string, key: string, value: string | number): ForgedChange => ({
    ...EMPTY,
    ...after(victim.state),
    ops: [{ action: "set", obj, key, value, pred: [] }],
  });
  const genesis = "1@00";
  const refusals: [name: string, change: SignedChange, reason: RegExp][] = [
    ["forged author", { ...good, author: peer("w1") }, /signature/],
    ["another's key", { ...good, author: peer("w1"), public_key: "mine" }, /signature/],
    ["spoilt signature", { ...good, signature: "AAAA" }, /signature/],
    ["forged actor", { ...good, incarnation: 2 }, /actor/],
    ["oversized", { ...good, change: "A".repeat(48 * 1024) }, /at most 32768 bytes/],
    ["no change", { ...good, change: "AAAA" }, /uncompressed/],
    ["a document", { ...good, change: compressed.toBase64() }, /uncompressed/],
    ["another's entry", forge("evil", set(genesis, "w1", "gone")), /own entry only, got one on w1/],
    [
      "deletes another's entry",
      forge("evil", {
        ...EMPTY,
        ...after(victim.state),
        ops: [{ action: "del", obj: genesis, key: "w1", pred: [`2@${actorOf("w1")}`] }],
      }),
      /own entry only/,
    ],
    ["inside another's entry", forge("evil", set(`2@${actorOf("w1")}`, "status", "busy")), /own/],
    ["names another admin", forge("evil", set("_root", "admin_peer_id", "w1")), /own/],
    ["removes all workers", forge("evil", set("_root", "workers", 1)), /own/],
    ["own entry as a number", forge("evil", set(genesis, "evil", 1)), /own/],
    [
      "senseless",
      forge("evil", {
        ...EMPTY,
        ...after(victim.state),
        ...senselessDraft,
      }),
      /senseless/,
    ],
  ];
  for (const [name, change, reason] of refusals) {
    const { applied, refused } = victim.state.merge([change]);
    assert.deepEqual(applied, [], name);
    assert.match(refused.join(), reason, name);
    assert.deepEqual(victim.state.heads, [head], name);
  }
  assert.deepEqual(victim.state.merge([good, own]).refused, [], "the honest part still merges");
  assert.equal(victim.state.entries.size, 2);
  automerge.free(elsewhere);
});

Deno.test("a signed change replaces nothing of another's, and leaves room for those that follow", () => {
  using victim = replica("w1");
  const job = jobOf("a");
  const changes = [
    victim.write("busy"),
    victim.state.writeRows(new Map([[job, row()]])),
    victim.state.nameAdmin(),
  ];
  const written = changes.flatMap((change) =>
    readChange(Uint8Array.fromBase64(change?.change ?? ""))?.operations ?? []
  );
  const idOf = (key: string): string => {
    const found = written.find((operation) => operation.key === key);
    assert.ok(found, key);
    return found.id;
  };
  const here = after(victim.state);
  const own = `${here.startOp}@${actorOf("evil")}`;
  const nest = Array.from({ length: 6 }, (_, level) => ({
    action: "makeMap" as const,
    obj: `${here.startOp + level}@${actorOf("evil")}`,
    key: "deeper",
    pred: [],
  }));
  const evilRow = queueKey("evil", job);
  const lies: Record<string, [ForgedChange["ops"], RegExp, number?]> = {
    "an entry": [[{ ...ownEntry, pred: [idOf("w1")] }], /its own/],
    "a field of an entry": [
      [{ ...ownEntry, pred: [] }, {
        action: "set",
        obj: own,
        key: "status",
        value: "x",
        pred: [idOf("status")],
      }],
      /its own/,
    ],
    "a row of the queue": [[{
      action: "del",
      obj: "_root",
      key: evilRow,
      pred: [idOf(queueKey("w1", job))],
    }], /its own/],
    "a row, by naming itself admin": [
      [{
        action: "set",
        obj: "_root",
        key: "admin_peer_id",
        value: "evil",
        pred: [idOf(queueKey("w1", job))],
      }],
      /its own/,
    ],
    "all workers": [[{
      action: "set",
      obj: "_root",
      key: "admin_peer_id",
      value: "evil",
      pred: ["1@00"],
    }], /its own/],
    "the last number": [[{ ...ownEntry, pred: [] }], /operations from \d+ on/, 2 ** 32 - 2],
    "a number that was used": [[{ ...ownEntry, pred: [] }], /operations from \d+ on/, 2],
    "a text": [[{ ...ownEntry, pred: [] }, {
      action: "makeText",
      obj: own,
      key: "status",
      pred: [],
    }], /made of/],
    "maps without end": [[{ ...ownEntry, pred: [] }, ...nest], /levels/],
  };
  for (const [name, [ops, reason, startOp = here.startOp]] of Object.entries(lies)) {
    const { applied, refused } = victim.state.merge([
      forge("evil", { ...EMPTY, ...here, startOp, ops }),
    ]);
    assert.deepEqual(applied, [], name);
    assert.match(refused.join(), reason, name);
  }
  const named = { action: "set", obj: "_root", key: "admin_peer_id", value: "evil" } as const;
  const honest = forge("evil", {
    ...EMPTY,
    ...here,
    ops: [{ ...named, pred: [idOf("admin_peer_id")] }],
  });
  assert.deepEqual(victim.state.merge([honest]).refused, [], "anybody may name itself admin");
  assert.equal(victim.state.adminHint, "evil");
  assert.ok(victim.write("available"));
});

Deno.test("of more versions than a message may name, as many are told, and the next change joins them", () => {
  using victim = replica("w1");
  const genesis = after(victim.state);
  const lives = Array.from(
    { length: 70 },
    (_, life) =>
      forge("evil", { ...EMPTY, ...genesis, ops: [{ ...ownEntry, pred: [] }] }, life + 1),
  );
  assert.deepEqual(victim.state.merge(lives).refused, []);
  assert.deepEqual([victim.state.heads.length, victim.state.toldHeads.length], [70, 64]);
  victim.write("available");
  assert.equal(victim.state.heads.length, 1);
});

Deno.test("a number used twice is refused", () => {
  using victim = replica("w1");
  using evil = replica("evil");
  using twin = replica("evil");
  assert.deepEqual(victim.state.merge([evil.write("busy")]).refused, []);
  const { refused } = victim.state.merge([twin.write("available")]);
  assert.match(refused.join(), /unused sequence number/);
});

Deno.test("at most 256 changes wait for others", () => {
  using victim = replica("w1");
  for (let index = 0; index < 300; index++) {
    const deps = [index.toString(16).padStart(64, "0")];
    victim.state.merge([forge("evil", { ...EMPTY, seq: index + 1, deps })]);
  }
  assert.deepEqual(sizeOf(victim.state), { changes: 0, waiting: 256 });
});

function actorOf(name: string): string {
  return createStandInSigner(peer(name)).actorOf(peer(name), 1);
}
