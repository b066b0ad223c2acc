/** The simulator: sound nodes pass it, planted faults do not, and a seed always tells the same story. */

import assert from "node:assert/strict";
import { automergeReady } from "./automerge.ts";
import { type Replacement, withPlantedFault } from "./planted_fault.ts";
import { simulate } from "./simulation.ts";

await automergeReady();

Deno.test("twenty seeds do nothing wrong and come to rest", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { violation } = simulate({ seed });
    assert.equal(violation, undefined, `deno task simulate --seed ${seed} --trace: ${violation}`);
  }
});

Deno.test("the same seed gives the same trace, another seed another", () => {
  const digests = [7, 7, 8].map((seed) => simulate({ seed }).digest);
  assert.equal(digests[0], digests[1]);
  assert.notEqual(digests[0], digests[2]);
});

const PLANTED: readonly {
  readonly name: string;
  readonly replacements: readonly Replacement[];
  /** What the report must speak of: found for another reason is not found. */
  readonly report: RegExp;
}[] = [
  {
    name: "tie-break reversed",
    replacements: [{
      file: "election.ts",
      sound: "one.peerId < other.peerId ? -1 : one.peerId > other.peerId ? 1 : 0",
      faulty: "one.peerId > other.peerId ? -1 : one.peerId < other.peerId ? 1 : 0",
    }],
    report: /follows|leads/,
  },
  {
    name: "suspicion never cleared",
    replacements: [{
      file: "membership.ts",
      sound: "    member.check = undefined;\n    member.deadAt = undefined;\n  }",
      faulty: "    member.deadAt = undefined;\n  }",
    }],
    report: /declared the living|for suspect|for dead/,
  },
  {
    name: "stale close acted on",
    replacements: [{
      file: "link_table.ts",
      sound: "if (this.#byPeer.get(peerId)?.linkId !== linkId) return false;",
      faulty: "",
    }],
    report: /counts links/,
  },
  {
    name: "unlimited dials",
    replacements: [{
      file: "introduction.ts",
      sound: "if (this.dialling >= this.#timing.dialsInFlightMax) break;",
      faulty: "",
    }],
    report: /dials in flight/,
  },
  {
    name: "glare",
    replacements: [{
      file: "introduction.ts",
      sound: "return this.#self < peerId;",
      faulty: "return this.#self !== peerId;",
    }],
    report: /dial each other/,
  },
  {
    name: "epochs of others are not heeded",
    replacements: [{
      file: "administration.ts",
      sound: "this.#epoch = Math.max(this.#epoch, epoch);",
      faulty: "this.#epoch = Math.max(this.#epoch, epoch * 0);",
    }],
    report: /epoch/,
  },
  {
    name: "actor reused after a restart",
    replacements: [{
      file: "room_state.ts",
      sound: "author.signer.actorOf(author.peerId, author.incarnation)",
      faulty: "author.signer.actorOf(author.peerId, author.incarnation * 0)",
    }, {
      file: "change_judgement.ts",
      sound: "signer.actorOf(change.author, change.incarnation)",
      faulty: "signer.actorOf(change.author, change.incarnation * 0)",
    }],
    report: /number \d+ of one actor twice|room state|sees/,
  },
  {
    name: "missed changes are not fetched",
    replacements: [{
      file: "state_sync.ts",
      sound: "if (!this.#state.lacks(heads)) return;",
      faulty: "if (this.#fetchMs > 0) return;",
    }],
    report: /room state|sees/,
  },
  {
    name: "every part of a cut room decides",
    replacements: [{
      file: "quorum.ts",
      sound: "if (present * 2 !== agreed.size) return present * 2 > agreed.size;",
      faulty: "if (present > 0) return true;",
    }],
    report: /lead at the same time/,
  },
  {
    name: "partition never left",
    replacements: [{
      file: "administration.ts",
      sound: "this.#partitionedSince = partitioned ? now : undefined;",
      faulty: "this.#partitionedSince ??= partitioned ? now : undefined;",
    }],
    report: /partitioned/,
  },
  {
    name: "a fast wake-up storm",
    replacements: [{
      file: "introduction.ts",
      sound: "if (retry.nextAt > now) nextAt",
      faulty: "nextAt",
    }],
    report: /woken all the time/,
  },
];

for (const { name, replacements, report } of PLANTED) {
  Deno.test(`planted fault found within 100 seeds: ${name}`, async () => {
    await withPlantedFault(replacements, (createNode) => {
      for (let seed = 1; seed <= 100; seed++) {
        const { violation } = simulate({ seed, createNode });
        if (violation !== undefined && report.test(violation)) return;
      }
      assert.fail(`No seed up to 100 found it: ${name}`);
    });
  });
}
