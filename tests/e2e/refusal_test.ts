/** What a client refuses by itself, and what it says where nobody can take its job. Exit codes included. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Labels, saveSlp, Skeleton } from "@talmolab/sleap-io.js";
import { encodeInvite } from "../../lib/protocol/invite.ts";
import { createRoom } from "../../lib/client/room_api.ts";
import { newRoomSecret } from "../../lib/runtime/credentials.ts";
import type { Program } from "../../scripts/lab/program.ts";
import { eventually } from "./condition.ts";
import { slowTrainer, slowTraining } from "./slow_trainer.ts";
import { endsWith, onStage, type Stage } from "./stage.ts";
import { discover, failed } from "./training_outcome.ts";

/** No client waits longer for something that cannot come (issue 2). */
const PATIENCE_MS = 15_000;
const EXTERNAL_VIDEO = new URL("../../../shared/data/slp/typical.slp", import.meta.url);
const isAbsent = await Deno.stat(EXTERNAL_VIDEO).then(() => false, () => true);

/** Asserts that `train` ends in time with `code` and these words, and leaves no results. */
async function assertRefused(
  stage: Stage,
  client: Program,
  code: number,
  words: RegExp,
): Promise<void> {
  const printed = await endsWith(client, code, PATIENCE_MS);
  const { message, exit_code } = failed(printed);
  assert.equal(exit_code, code);
  assert.match(message, words);
  assert.ok(printed.stderr.includes(message), "The reason is not told to the person");
  await assert.rejects(Deno.stat(stage.results), Deno.errors.NotFound);
}

/** A server's address at which connections are counted, and nobody answers. */
function silentServer(): { readonly url: string; connections: number; close(): Promise<void> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = {
    url: `http://127.0.0.1:${listener.addr.port}`,
    connections: 0,
    close: async () => {
      listener.close();
      await accepted;
    },
  };
  const accept = async () => {
    for await (const connection of listener) {
      server.connections++;
      connection.close();
    }
  };
  const accepted = accept();
  return server;
}

/** The environment of a process that enters a room with some of it changed. */
function invitation(
  { lab }: Stage,
  changed: Partial<Stage["lab"]["room"]>,
): Readonly<Record<string, string>> {
  const { server, roomId, token, secret } = { ...lab.room, ...changed };
  return { SLEAP_RTC_INVITE: encodeInvite({ server, room_id: roomId, token, secret }) };
}

Deno.test("e2e: a file that cannot be trained on is refused before anything is sent", () =>
  onStage("auto", async (stage) => {
    const text = join(stage.folder, "notes.slp");
    await Deno.writeTextFile(text, "not HDF5 at all\n");
    const unlabelled = join(stage.folder, "unlabelled.slp");
    const skeletons = [new Skeleton({ nodes: ["head"], edges: [] })];
    await saveSlp(new Labels({ skeletons, labeledFrames: [] }), unlabelled, { embed: false });
    const cases: [file: string, words: RegExp][] = [
      [join(stage.folder, "missing.pkg.slp"), /missing\.pkg\.slp/],
      [text, /got a? ?plain text/],
      [unlabelled, /labelled/],
    ];
    if (!isAbsent) cases.push([EXTERNAL_VIDEO.pathname, /frames are elsewhere/]);
    const server = silentServer();
    try {
      for (const [file, words] of cases) {
        const args = ["train", file, "--json", "--runner", "demo", "--output", stage.results];
        const client = stage.lab.start(args, invitation(stage, { server: server.url }));
        await assertRefused(stage, client, 3, words);
      }
      assert.equal(server.connections, 0);
    } finally {
      await server.close();
    }
  }));

Deno.test("e2e: no room, a wrong token, a server that is down, and nobody who could work", () =>
  onStage("auto", async (stage) => {
    const { lab } = stage;
    const file = await stage.package();
    const start = (env: Readonly<Record<string, string>>) =>
      lab.start(["train", file, "--json", "--runner", "demo", "--output", stage.results], env);
    const gone = silentServer();
    await gone.close();
    const empty = await createRoom(lab.room.server, { name: "empty" });
    const emptyRoom = { roomId: empty.roomId, token: empty.token, secret: newRoomSecret() };
    const cases: [Readonly<Record<string, string>>, number, RegExp][] = [
      [{ SLEAP_RTC_INVITE: "" }, 2, /SLEAP_RTC_INVITE/],
      [invitation(stage, { token: "a".repeat(lab.room.token.length) }), 5, /token/],
      [invitation(stage, { server: gone.url }), 4, /signaling server at/],
      [invitation(stage, emptyRoom), 6, /nobody is there/],
    ];
    for (const [env, code, words] of cases) await assertRefused(stage, start(env), code, words);
  }));

Deno.test("e2e: a busy worker and one without the runner are named, with the reason", () =>
  onStage("auto", async (stage) => {
    const worker = await stage.worker("gpu", await slowTrainer(stage));
    const file = await stage.package();
    const first = stage.lab.start(["train", file, "--json", ...await slowTraining(stage, 1_000)]);
    await first.line(({ event }) => event === "started", "that the training started", 30_000);
    const busy = stage.train(file, [...await slowTraining(stage, 1), "--no-wait"]);
    await assertRefused(stage, busy, 6, new RegExp(`${worker.peerId} is busy`));
    first.signal("SIGINT");
    await endsWith(first, 130);
    worker.program.signal("SIGTERM");
    await endsWith(worker.program, 0);

    await stage.worker("second", await slowTrainer(stage));
    await assertRefused(stage, stage.train(file), 6, /second-\w+ .*runner/);
    await eventually(
      "an available worker",
      async () => (await discover(stage)).workers.find(({ status }) => status === "available"),
      10_000,
    );
  }));
