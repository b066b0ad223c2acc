/** The proofs of `deno task prove-signaling` in short: a server in a process of its own bears each of them. */

import assert from "node:assert/strict";
import { withstandFlood } from "../../scripts/proof/flood.ts";
import { killWhileWriting } from "../../scripts/proof/kill.ts";
import { ProofServer } from "../../scripts/proof/proof_server.ts";
import {
  type Finding,
  guessTokens,
  neverRead,
  restartUnderLoad,
  sendMountains,
  sitIdle,
} from "../../scripts/proof/siege.ts";

const SIEGES: Readonly<Record<string, (server: ProofServer) => Promise<Finding>>> = {
  "of many guesses all but a few are told to wait": (server) => guessTokens(server, 200),
  "sockets that say nothing are kept": (server) => sitIdle(server, 200),
  "strangers with mountains to send are cut off": (server) => sendMountains(server, 5),
  "who never reads is cut off": (server) => neverRead(server, 1),
  "a flood of one address does not disturb a room": (server) => withstandFlood(server, 1, 2),
  "no room is lost by a kill in the middle of a write": (server) => killWhileWriting(server, 2),
  "who was connected is back after a kill": (server) => restartUnderLoad(server, 20),
};

for (const [what, siege] of Object.entries(SIEGES)) {
  Deno.test(`siege: ${what}`, async () => {
    const server = await ProofServer.start();
    try {
      const finding = await siege(server);
      assert(finding.ok, JSON.stringify(finding));
    } finally {
      await server.stop();
    }
  });
}
