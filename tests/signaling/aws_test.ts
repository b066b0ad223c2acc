/** The whole server on DynamoDB and Cognito, by their stand-ins, in good and in bad weather. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { Program } from "../../scripts/lab/program.ts";
import { startSignaling } from "../../signaling/server.ts";
import { startCognito } from "./identity/cognito_stand_in.ts";
import { createRoom, enter, eventually, LabSocket, PeerKey, registration } from "./lab_peer.ts";
import { startDynalite, startWeather } from "./store/dynamo_stand_in.ts";

function storeAt(endpoint: string) {
  const kind = "dynamodb" as const;
  return { kind, table: "rooms", region: "eu-west-1", endpoint, createsTable: true };
}

Deno.test("server on DynamoDB: an outage stops no live room, is answered by 503, and passes", async () => {
  const dataFolder = await Deno.makeTempDir();
  const dynamo = await startDynalite();
  const weather = startWeather(dynamo.endpoint);
  const server = await startSignaling({
    hostname: "127.0.0.1",
    port: 0,
    dataFolder,
    store: storeAt(weather.endpoint),
  }, SILENT_LOG);
  try {
    const room = await createRoom(server.url);
    const [annKey, bobKey] = [new PeerKey("ann"), new PeerKey("bob")];
    const ann = await enter(server.url, annKey, room);
    const bob = await enter(server.url, bobKey, room);
    const extend = () =>
      fetch(`${server.url}/extend-room`, { method: "POST", body: JSON.stringify(room) });

    for (const bad of ["failing", "silent"] as const) {
      weather.become(bad);
      const start = performance.now();
      const answers = await Promise.all([extend(), extend(), extend()]);
      assert(performance.now() - start < 4_000, "within the deadline");
      const atOnce = performance.now();
      answers.push(await extend());
      assert(performance.now() - atOnce < 500, "at once, once it is known");
      for (const answer of answers) {
        assert.equal(answer.status, 503);
        assert(Number(answer.headers.get("retry-after")) >= 1);
        assert.equal((await answer.json()).error.code, "SERVER_BUSY");
      }
      ann.socket.say({ type: "peer_message", to_peer_id: bobKey.peerId, payload: { hello: bad } });
      assert.deepEqual((await bob.socket.next("peer_message")).payload, { hello: bad });

      weather.become("clear");
      await eventually("recovery by itself", async () => {
        const answer = await extend();
        await answer.body?.cancel();
        return answer.ok ? true : undefined;
      });
    }
    await ann.socket.close();
    await bob.socket.close();
  } finally {
    weather.become("clear");
    await server.stop();
    await weather.stop();
    await dynamo.stop();
    await Deno.remove(dataFolder, { recursive: true });
  }
});

Deno.test("server on Cognito: whoever made the room is there as long as a worker of its machine is", async () => {
  const folder = await Deno.makeTempDir();
  const pool = await startCognito();
  const { region, endpoint, userPoolId, clientId } = pool;
  const server = await startSignaling({
    hostname: "127.0.0.1",
    port: 0,
    dataFolder: join(folder, "server"),
    store: "memory",
    identity: { kind: "cognito", region, endpoint, userPoolId, clientId },
  }, SILENT_LOG);
  const SLEAP_RTC_HOME = join(folder, "home");
  const program = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    new Program({ args, env: { SLEAP_RTC_HOME, NO_COLOR: "1", ...env }, cwd: folder });
  let worker: Program | undefined;
  try {
    const maker = program(["create-room", "--server", server.url, "--json"]);
    assert.equal((await maker.exited(60_000)).code, 0, maker.text.stderr);
    const { invite } = z.object({ invite: z.string() }).parse(maker.lines[0]);
    const made = await pool.usernames();
    assert.equal(made.length, 1);

    const demo = ["--runner", "demo", "--gpu-memory", "8000", "--name", "gpu"];
    worker = program(["worker", "--json", ...demo], { SLEAP_RTC_INVITE: invite });
    await worker.line(({ event }) => event === "ready", "its ready line", 60_000);
    // A client comes and goes: the worker still is as that user.
    const client = program(["discover", "--json"], { SLEAP_RTC_INVITE: invite });
    assert.equal((await client.exited(60_000)).code, 0, client.text.stderr);
    assert.deepEqual(await pool.usernames(), made);

    await worker.end();
    await eventually("the user's end", async () => {
      return (await pool.usernames()).length === 0 ? true : undefined;
    });
  } finally {
    await worker?.end();
    await server.stop();
    await pool.stop();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("server on Cognito: a user goes with its last peer, and not when the server stops", async () => {
  const dataFolder = await Deno.makeTempDir();
  const pool = await startCognito();
  const { region, endpoint, userPoolId, clientId } = pool;
  const server = await startSignaling({
    hostname: "127.0.0.1",
    port: 0,
    dataFolder,
    store: "memory",
    identity: { kind: "cognito", region, endpoint, userPoolId, clientId },
  }, SILENT_LOG);
  const signIn = async () =>
    await (await fetch(`${server.url}/anonymous-signin`, { method: "POST" })).json();
  try {
    const room = await createRoom(server.url);
    const { id_token, username } = await signIn();
    const join = async (name: string) => {
      const key = new PeerKey(name);
      const socket = new LabSocket(server.url);
      const { nonce } = await socket.next("challenge");
      socket.say({ ...registration(key, room, nonce), id_token });
      await socket.next("registered_auth");
      return socket;
    };
    const isThere = async () => (await pool.usernames()).includes(username);
    const ann = await join("ann");
    const bob = await join("bob");
    await ann.close();
    assert.equal(await isThere(), true);
    await bob.close();
    await eventually("the user's end", async () => await isThere() ? undefined : true);

    const other = await signIn();
    const key = new PeerKey("eve");
    const eve = new LabSocket(server.url);
    const { nonce } = await eve.next("challenge");
    eve.say({ ...registration(key, room, nonce), id_token: other.id_token });
    await eve.next("registered_auth");
    await server.stop();
    await eve.ended();
    assert((await pool.usernames()).includes(other.username));
  } finally {
    await server.stop();
    await pool.stop();
    await Deno.remove(dataFolder, { recursive: true });
  }
});
