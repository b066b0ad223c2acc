/** Whom a worker follows: claims, verification, fences, hearsay and partition, step by step. */

import assert from "node:assert/strict";
import type { PeerId } from "../../lib/base/id.ts";
import { Administration } from "../../lib/mesh/administration.ts";
import type { Decision } from "../../lib/mesh/decision.ts";
import { EPOCH_JUMP_MAX } from "../../lib/mesh/epoch.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import { peer } from "./peers.ts";

/** w2 with its view of who lives; w1 is better than w2, w2 than w3, and so on. */
class Office {
  readonly administration = new Administration(peer("w2"), MESH_TIMING);
  server: { adminPeerId: ReturnType<typeof peer> | undefined } | undefined;

  /** Reconciles with those living, and gives what was decided in short words. */
  at(now: number, living: string, mourned = ""): string {
    const candidates = living.split(" ").map((name) => ({
      peerId: peer(name),
      gpuMemoryMb: 8_000,
    }));
    const decisions = this.administration.reconcile({
      living: candidates,
      linked: new Set(candidates.map((candidate) => candidate.peerId)),
      mourned: new Set(mourned.split(" ").filter((name) => name !== "").map(peer)),
      server: this.server,
    }, now);
    return decisions.map(brief).join("; ");
  }

  /** w1 says that it leads. */
  w1Leads(epoch: number): void {
    this.administration.heard(peer("w1"), leading("w1", epoch));
  }
}

/** What a worker says that follows `admin`. */
function leading(admin: string, epoch: number): Parameters<Administration["heard"]>[1] {
  return {
    adminPeerId: peer(admin),
    epoch,
    agreedEpoch: epoch,
    partitioned: false,
    noted: new Set(),
  };
}

function brief(decision: Decision): string {
  switch (decision.type) {
    case "verify":
      return `verify ${decision.peerIds.join(" ")}`;
    case "doubt":
      return `doubt ${decision.peerId}`;
    case "claim":
      return `claim ${decision.epoch}`;
    case "follow":
      return `follow ${decision.peerId} in ${decision.epoch}`;
    case "demote":
      return "demote";
    case "partition":
      return decision.partitioned ? "partitioned" : "healed";
  }
}

Deno.test("alone it leads, and says so once", () => {
  const office = new Office();
  assert.equal(office.at(0, "w2"), "claim 1");
  assert.equal(office.at(0, "w2"), "");
  assert.ok(office.administration.leads);
});

Deno.test("a better one is asked, and followed once it answers", () => {
  const office = new Office();
  office.at(0, "w2");
  assert.equal(office.at(1_000, "w1 w2 w3"), "verify w1");
  assert.ok(office.administration.leads, "until then it goes on");
  office.administration.saw(2, undefined);
  office.administration.answered(peer("w1"));
  assert.equal(office.at(1_100, "w1 w2 w3"), "demote; follow w1 in 2");
  assert.equal(office.administration.admin, "w1");
  assert.ok(!office.administration.leads);
});

Deno.test("all better ones are asked at once, and the silent are doubted after two seconds", () => {
  const office = new Office();
  assert.equal(office.at(0, "w0 w1 w2"), "verify w0 w1");
  assert.equal(office.administration.nextAt(0), 2_000);
  office.administration.answered(peer("w1"));
  assert.equal(office.at(1_999, "w0 w1 w2"), "");
  assert.equal(office.at(2_000, "w0 w1 w2"), "doubt w0; verify w0");
  assert.equal(office.at(3_000, "w1 w2"), "follow w1 in 0");
});

Deno.test("a word of its own, or of a follower in the highest epoch, is worth an answer", () => {
  const table: [from: string, epoch: number, partitioned: boolean, decided: string][] = [
    ["w1", 7, false, "follow w1 in 7"],
    ["w3", 7, false, "follow w1 in 7"],
    ["w3", 6, false, "verify w1"],
    ["w1", 7, true, "verify w1"],
  ];
  for (const [from, epoch, partitioned, decided] of table) {
    const office = new Office();
    office.administration.saw(7, undefined);
    office.administration.heard(peer(from), {
      adminPeerId: peer("w1"),
      epoch,
      agreedEpoch: 0,
      partitioned,
      noted: new Set(),
    });
    assert.equal(office.at(0, "w1 w2 w3"), decided, `${from} in ${epoch}`);
  }
});

Deno.test("a word of one search for an admin is worth nothing in the next", () => {
  const words: Readonly<Record<string, (office: Office) => void>> = {
    "an answer that came late": ({ administration }) => administration.answered(peer("w1")),
    "a claim to the same epoch": (office) => office.w1Leads(7),
    "a claim to an earlier epoch": (office) => office.w1Leads(6),
  };
  for (const [name, say] of Object.entries(words)) {
    const office = new Office();
    office.administration.heard(peer("w0"), leading("w0", 7));
    assert.equal(office.at(0, "w0 w1 w2 w3"), "follow w0 in 7");
    say(office);
    assert.equal(office.at(1_000, "w0 w1 w2 w3"), "", name);
    assert.equal(office.at(60_000, "w1 w2 w3", "w0"), "verify w1", name);
  }
});

Deno.test("a word from before a partition is worth nothing after it", () => {
  const office = new Office();
  office.administration.heard(peer("w0"), leading("w0", 7));
  assert.equal(office.at(0, "w0 w1 w2 w3"), "follow w0 in 7");
  office.administration.answered(peer("w1"));
  assert.equal(office.at(5_000, "w1 w2", "w0 w3"), "partitioned");
  assert.equal(office.at(60_000, "w1 w2 w3", "w0"), "healed; verify w1");
});

Deno.test("an epoch above its own ends its lead; it claims anew, but not at once", () => {
  const office = new Office();
  assert.equal(office.at(0, "w2 w3"), "claim 1");
  office.administration.saw(5, undefined);
  assert.ok(!office.administration.leads);
  assert.equal(office.at(500, "w2 w3"), "");
  assert.equal(office.administration.nextAt(500), 1_000);
  assert.equal(office.at(1_000, "w2 w3"), "claim 6");
  office.administration.refused(6, undefined);
  assert.ok(!office.administration.leads, "the epoch is another's");
  assert.equal(office.at(2_000, "w2 w3"), "claim 7");
  office.administration.saw(3, undefined);
  office.administration.saw(2 ** 50, peer("w9"));
  assert.equal(
    office.administration.epoch,
    7,
    "epochs never go back, nor to the end of all numbers",
  );
});

Deno.test("a newcomer takes the server's epoch, however far it is", () => {
  const office = new Office();
  office.administration.told(5 * EPOCH_JUMP_MAX, undefined);
  assert.equal(office.at(0, "w2"), `claim ${5 * EPOCH_JUMP_MAX + 1}`);
});

Deno.test("a server that forgot is led on, but where it grants no claim any more, it is begun anew", () => {
  for (
    const [epoch, claim] of [[EPOCH_JUMP_MAX, EPOCH_JUMP_MAX + 1], [EPOCH_JUMP_MAX + 1, 1]] as const
  ) {
    const office = new Office();
    office.administration.told(epoch - 1, undefined);
    assert.equal(office.at(0, "w2 w3"), `claim ${epoch}`);
    const noted = new Set<PeerId>();
    const cutOff = { adminPeerId: undefined, epoch, agreedEpoch: epoch, partitioned: true, noted };
    office.administration.heard(peer("w3"), cutOff);
    office.administration.refused(0, undefined);
    assert.equal(office.at(500, "w2 w3"), "", "not at once");
    assert.equal(office.at(1_000, "w2 w3"), `claim ${claim}`);
    assert.ok(office.administration.leads);
  }
});

Deno.test("without a majority it decides nothing, and says so when that begins and ends", () => {
  const office = new Office();
  office.w1Leads(1);
  assert.equal(office.at(0, "w1 w2 w3"), "follow w1 in 1");
  assert.equal(office.at(5_000, "w2", "w1 w3"), "partitioned");
  assert.equal(office.administration.partitionedSince, 5_000);
  assert.equal(office.at(60_000, "w2"), "");
  assert.equal(office.at(61_000, "w2 w3"), "healed; claim 2");
});

Deno.test("the dead count in a majority as long as they are mourned", () => {
  const office = new Office();
  office.at(0, "w2 w3 w4 w5");
  assert.equal(office.at(1_000, "w2 w3 w4", "w5"), "");
  assert.equal(office.administration.agreed.size, 4);
  office.at(20_000, "w2 w3 w4");
  assert.equal(office.administration.agreed.size, 3);
  assert.equal(office.at(30_000, "w2 w3", "w4"), "");
  assert.equal(office.at(31_000, "w2", "w3 w4"), "partitioned");
});

Deno.test("who said goodbye counts no longer, and is followed no longer", () => {
  const office = new Office();
  office.w1Leads(1);
  office.at(0, "w1 w2");
  office.administration.dismiss(peer("w1"));
  assert.equal(office.administration.admin, undefined);
  assert.equal(office.at(10, "w2"), "claim 2");
});

Deno.test("a newcomer is not partitioned before it had time to arrive, and leads nobody till then", () => {
  const office = new Office();
  office.administration.arrive(["w1", "w3", "w4"].map(peer), 0);
  assert.equal(office.at(0, "w2"), "");
  assert.equal(office.administration.admin, undefined);
  assert.equal(office.administration.nextAt(0), MESH_TIMING.mournMs);
  assert.equal(office.at(MESH_TIMING.mournMs, "w2"), "partitioned");
});

Deno.test("of two halves, the one with the server's admin goes on", () => {
  for (const [admin, decided] of [["w1", "partitioned"], ["w2", ""], [undefined, ""]] as const) {
    const office = new Office();
    office.at(0, "w2 w3");
    office.at(1, "w2 w3 w4 w5");
    office.server = { adminPeerId: admin === undefined ? undefined : peer(admin) };
    assert.equal(office.at(2, "w2 w3", "w4 w5"), decided);
  }
});

Deno.test("whoever meets part of a later room is cut off while that part is, and no majority of its own", () => {
  const office = new Office();
  assert.equal(office.at(0, "w2"), "claim 1");
  const noted = new Set<PeerId>();
  const says = { adminPeerId: undefined, epoch: 5, agreedEpoch: 5, partitioned: true, noted };
  office.administration.heard(peer("w3"), says);
  assert.equal(office.at(100, "w2 w3", ""), "partitioned");
  assert.deepEqual(office.administration.cutOff, [peer("w3")]);
  assert.equal(office.at(2_000, "w2", "w3"), "healed; claim 6", "its room is gone with it");
});

Deno.test("a cut-off worker counts by the members of a room that is as late as its own, not by those of an earlier one", () => {
  for (const [agreedEpoch, decided] of [[1, "healed"], [0, ""]] as const) {
    const office = new Office();
    office.w1Leads(1);
    assert.equal(office.at(0, "w1 w2 w3 w4"), "follow w1 in 1");
    assert.equal(office.at(5_000, "w1 w2", "w3 w4"), "partitioned", "half, without the server");
    office.administration.rejoin([peer("w1"), peer("w2"), peer("w5")], [], agreedEpoch);
    assert.equal(office.at(6_000, "w1 w2", ""), decided);
  }
});
