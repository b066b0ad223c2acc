import assert from "node:assert/strict";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { frameHead, openStranger, writeAll } from "../../scripts/proof/stranger.ts";
import { type SignalingOptions, startSignaling } from "../../signaling/server.ts";
import { eventually } from "./lab_peer.ts";
import { AUTHORITY, CERTIFICATE, CERTIFICATE_KEY } from "./test_certificate.ts";

async function withServer(
  options: Partial<SignalingOptions>,
  body: (url: string) => Promise<void>,
): Promise<void> {
  const dataFolder = await Deno.makeTempDir();
  const at = { hostname: "127.0.0.1", port: 0, dataFolder, store: "memory" } as const;
  const server = await startSignaling({ ...at, ...options }, SILENT_LOG);
  try {
    await body(server.url);
  } finally {
    await server.stop();
    await Deno.remove(dataFolder, { recursive: true });
  }
}

/** Sends `text` and gives all that is answered until the connection ends. */
async function converse(url: string, ...texts: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  try {
    for (const text of texts) await writeAll(connection, new TextEncoder().encode(text));
    return await heard(connection);
  } finally {
    connection.close();
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
}

/** A connection that has begun to ask, and does not go on. */
async function half(url: string): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await writeAll(connection, new TextEncoder().encode("GET /health HTTP/1.1\r\nHost:"));
  return connection;
}

async function heard(connection: Deno.TcpConn): Promise<string> {
  const bytes = new Uint8Array(4_096);
  let text = "";
  try {
    for (;;) {
      const count = await connection.read(bytes);
      if (count === null) return text;
      text += String.fromCharCode(...bytes.subarray(0, count));
    }
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionReset) return text;
    throw error;
  }
}

Deno.test("listener: a body that is too long is refused, whether it says so or not", () =>
  withServer({}, async (url) => {
    const head = "POST /create-room HTTP/1.1\r\nHost: a\r\n";
    const stated = await converse(
      url,
      `${head}Content-Length: 70000\r\nConnection: close\r\n\r\n${"x".repeat(70_000)}`,
    );
    assert.match(stated, /^HTTP\/1\.1 413 .*BODY_TOO_LARGE/s);
    const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
    const chunked = await converse(
      url,
      `${head}Transfer-Encoding: chunked\r\n\r\n`,
      chunk.repeat(20),
    );
    assert.match(chunked, /^HTTP\/1\.1 413 .*BODY_TOO_LARGE/s);
  }));

Deno.test("listener: a request that does not end is ended", () =>
  withServer({ limits: { requestMs: 200 } }, async (url) => {
    const head = "POST /create-room HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    assert.doesNotMatch(await converse(url, `${head}x`), /200/);
    // Nor one whose headers come drop by drop, nor one that never comes.
    assert.equal(await converse(url, "GET /health HTTP/1.1\r\n", "Host: a\r\n"), "");
    assert.equal(await converse(url), "");
    // A connection that waits for its next request is no better.
    const health = "GET /health HTTP/1.1\r\nHost: a\r\n\r\n";
    assert.match(await converse(url, health), /^HTTP\/1\.1 200/);
  }));

Deno.test("listener: whoever does not read its answers is ended", () =>
  withServer({ limits: { requestMs: 200 } }, async (url) => {
    const { hostname, port } = new URL(url);
    const deaf = await Deno.connect({ hostname, port: Number(port) });
    // More than what lies in between holds: it is asked until the connection is gone.
    const asked = new TextEncoder().encode("GET /docs HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
    await assert.rejects(async () => {
      const ends = performance.now() + 20_000;
      while (performance.now() < ends) {
        await writeAll(deaf, asked);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }, isGone);
    deaf.close();
  }));

Deno.test("listener: connections beyond the most that there may be are ended, and some later one is served", () =>
  withServer({ limits: { connectionsMax: 3 } }, async (url) => {
    const { hostname, port } = new URL(url);
    const held = [];
    for (let count = 0; count < 8; count++) {
      held.push(await Deno.connect({ hostname, port: Number(port) }));
    }
    await Promise.race(held.slice(3).map((connection) => connection.read(new Uint8Array(1))));
    for (const connection of held) connection.close();
    await eventually("an answer", async () => {
      const status = await fetch(`${url}/health`).then(async (answer) => {
        await answer.body?.cancel();
        return answer.status;
      }, () => undefined);
      return status === 200 ? true : undefined;
    });
  }));

/** A server that sees to its port all the time, with few open files: only a process can have those. */
const POOR_SERVER = `
  import { startSignaling } from ${
  JSON.stringify(import.meta.resolve("../../signaling/server.ts"))
};
  const at = { hostname: "127.0.0.1", port: 0, dataFolder: Deno.args[0], store: "memory" };
  const server = await startSignaling({ ...at, limits: { probeMs: 100 } }, { write: () => {} });
  console.log(server.url);`;

Deno.test({
  name:
    "listener: a crowd that takes every file that may be open does not make the server deaf for good",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    const command = 'ulimit -n 150 && exec "$0" eval --no-check "$@"';
    const server = new Deno.Command("sh", {
      args: ["-c", command, Deno.execPath(), POOR_SERVER, folder],
      stdout: "piped",
    }).spawn();
    const reader = server.stdout.getReader();
    try {
      const { value = new Uint8Array() } = await reader.read();
      const url = new TextDecoder().decode(value).trim();
      const { hostname, port } = new URL(url);
      const crowd = [];
      for (let count = 0; count < 300; count++) {
        crowd.push(await Deno.connect({ hostname, port: Number(port) }));
      }
      for (const connection of crowd) connection.close();
      await eventually("an answer once the crowd has gone", async () => {
        const signal = AbortSignal.timeout(500);
        const answer = await fetch(`${url}/health`, { signal }).catch(() => undefined);
        await answer?.body?.cancel();
        return answer?.status === 200 ? true : undefined;
      });
    } finally {
      server.kill("SIGKILL");
      await server.status;
      await reader.cancel();
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("listener: half-open requests of one address are capped; sockets are not among them", () =>
  withServer({ limits: { pendingPerAddressMax: 3, requestMs: 60_000 } }, async (url) => {
    const sockets = [];
    for (let index = 0; index < 5; index++) sockets.push(await openStranger(url, "192.0.2.1"));
    const halves = [await half(url), await half(url), await half(url)];
    const health = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert.equal(await converse(url, health), "");
    halves.pop()?.close();
    const metrics = health.replace("/health", "/metrics");
    const told = await eventually("a free place", async () => {
      return (await converse(url, metrics)) || undefined;
    });
    assert.match(told, /refusals_total\{by="connection",code="ADDRESS_FULL"\} [1-9]/);
    for (const connection of halves) connection.close();
    for (const { connection } of sockets) connection.close();
  }));

Deno.test("listener: a proxy of ours is not counted by its one address", () =>
  withServer(
    { isProxied: true, limits: { pendingPerAddressMax: 1, requestMs: 60_000 } },
    async (url) => {
      const halves = [await half(url), await half(url)];
      const health = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
      assert.match(await converse(url, health), /^HTTP\/1\.1 200/);
      for (const connection of halves) connection.close();
    },
  ));

Deno.test("listener: a TLS handshake that never comes is ended, and counted until then", () =>
  withServer({
    tls: { cert: CERTIFICATE, key: CERTIFICATE_KEY },
    limits: { requestMs: 200, pendingPerAddressMax: 1 },
  }, async (url) => {
    const { hostname, port } = new URL(url);
    const silent = await Deno.connect({ hostname, port: Number(port) });
    assert.equal(await converse(url), "");
    assert.equal(await heard(silent), "");
    silent.close();
  }));

Deno.test("listener: a frame of 60 MB ends the socket at its first bytes", () =>
  withServer({}, async (url) => {
    const { connection } = await openStranger(url, "192.0.2.1");
    await writeAll(connection, frameHead(60_000_000));
    // The close frame and its code, 1009 (RFC 6455 section 5.5.1).
    assert((await heard(connection)).includes("\x88\x02\x03\xf1"));
    connection.close();
  }));

Deno.test("listener: behind a proxy of ours callers are told apart by what it says", () =>
  withServer({ isProxied: true, limits: { socketsPerAddressMax: 1 } }, async (url) => {
    const one = await openStranger(url, "198.51.100.1");
    const other = await openStranger(url, "198.51.100.2");
    await assert.rejects(openStranger(url, "198.51.100.2"), /429/);
    one.connection.close();
    other.connection.close();
    await eventually("a free place", async () => {
      try {
        (await openStranger(url, "198.51.100.2")).connection.close();
        return true;
      } catch {
        return undefined;
      }
    });
  }));

Deno.test("listener: a socket anywhere but at /ws is refused with a reason", () =>
  withServer({}, async (url) => {
    const answer = await converse(
      url,
      "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 404 .*NOT_FOUND/s);
  }));

Deno.test("listener: with a certificate it speaks TLS, sockets included", () =>
  withServer({ tls: { cert: CERTIFICATE, key: CERTIFICATE_KEY } }, async (url) => {
    assert.match(url, /^https:/);
    const client = Deno.createHttpClient({ caCerts: [AUTHORITY] });
    const health = await fetch(`${url}/health`, { client });
    assert.equal(health.status, 200);
    await health.body?.cancel();
    client.close();
    const { hostname, port } = new URL(url);
    const options = { hostname, port: Number(port), caCerts: [AUTHORITY] };
    const connection = await Deno.connectTls(options);
    const lines = ["GET /ws HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade"];
    lines.push("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", "");
    await connection.write(new TextEncoder().encode(lines.join("\r\n")));
    const bytes = new Uint8Array(4_096);
    let text = "";
    while (!text.includes("challenge")) {
      const count = await connection.read(bytes);
      assert(count !== null, `a challenge, got ${text}`);
      text += new TextDecoder("latin1").decode(bytes.subarray(0, count));
    }
    connection.close();
  }));
