/** The links of one process, in memory: found by id, told of once, and all ended in the end. */

import { deepEqual, equal } from "node:assert/strict";
import { LinkHub } from "../../lib/runtime/link_hub.ts";
import type { HelloSelf } from "../../lib/rtc/hello.ts";
import { linkOf } from "../rtc/hello_self.ts";
import { MemoryBackend, settled } from "../rtc/memory_backend.ts";
import { CLIENT, WORKER } from "./linked_peers.ts";

const ONE = linkOf("one");
const LIMIT_MS = 5_000;

/** A hub, and what it told of its links. */
class Hub {
  readonly told: string[] = [];
  readonly hub: LinkHub;

  constructor(backend: MemoryBackend, self: HelloSelf) {
    this.hub = new LinkHub(backend, {
      self,
      iceServers: [],
      handlers: {
        signal: () => {},
        opened: (link, hello) => this.told.push(`${link.id} opened by ${hello.role}`),
        message: (link, _hello, text) => this.told.push(`${link.id} said ${text}`),
        data: (link, _hello, stream, offset, bytes) =>
          this.told.push(`${link.id} sent ${stream} ${offset} ${bytes.length}`),
        closed: (link, _peerId, hello, reason) =>
          this.told.push(`${link.id} closed ${hello?.role ?? "unknown"}: ${reason}`),
      },
    });
  }
}

function pair(): [Hub, Hub] {
  const backend = new MemoryBackend();
  return [new Hub(backend, CLIENT), new Hub(backend, WORKER)];
}

Deno.test("link hub: a link opens, speaks and closes, each told once and with its peer", async () => {
  const [client, worker] = pair();
  client.hub.begin("offerer", ONE, WORKER.peerId, LIMIT_MS);
  client.hub.begin("offerer", ONE, WORKER.peerId, LIMIT_MS);
  worker.hub.begin("answerer", ONE, CLIENT.peerId, LIMIT_MS);
  await settled();
  client.hub.get(ONE)?.sendMessage("hello");
  client.hub.get(ONE)?.sendData(2, 5, new Uint8Array(3));
  await settled();
  client.hub.drop(ONE, "Enough");
  client.hub.drop(ONE, "Enough");
  await settled();
  deepEqual(worker.told, [
    "one opened by client",
    "one said hello",
    "one sent 2 5 3",
    'one closed client: Peer closed the link: "Enough"',
  ]);
  deepEqual(client.told, ["one opened by worker", "one closed worker: Enough"]);
  equal(client.hub.get(ONE), undefined);
});

Deno.test("link hub: who is not who was expected is not let in", async () => {
  const [client, worker] = pair();
  client.hub.begin("offerer", ONE, CLIENT.peerId, LIMIT_MS);
  worker.hub.begin("answerer", ONE, CLIENT.peerId, LIMIT_MS);
  await settled();
  equal(client.told.length, 1);
  equal(client.told[0]?.startsWith("one closed unknown: "), true);
  await worker.hub.close("The test is over");
});

Deno.test("link hub: closing ends every link, open or not, and resolves when all have ended", async () => {
  const [client, worker] = pair();
  client.hub.begin("offerer", ONE, WORKER.peerId, LIMIT_MS);
  worker.hub.begin("answerer", ONE, CLIENT.peerId, LIMIT_MS);
  await settled();
  client.hub.begin("offerer", linkOf("two"), WORKER.peerId, LIMIT_MS);
  await client.hub.close("The peer stops");
  deepEqual(client.told.slice(1).toSorted(), [
    "one closed worker: The peer stops",
    "two closed unknown: The peer stops",
  ]);
  await client.hub.close("Again");
  await worker.hub.close("The test is over");
});
