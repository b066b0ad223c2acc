/** The command `signal`: one ready line, an orderly end, and refusals that help. */

import { equal, match, rejects } from "node:assert/strict";
import { join } from "node:path";
import { z } from "zod";
import { enter } from "../../lib/cli/entrance.ts";
import { createRoom } from "../../lib/client/room_api.ts";
import { eventually } from "../signaling/lab_peer.ts";
import { fakeIo } from "./fake_io.ts";

Deno.test("a server says that it is ready, and ends when it is asked to", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const io = fakeIo({ env: { SLEAP_RTC_HOME: folder } });
    const out = io.out;
    let ready = "";
    const asked = {
      ...io,
      out: (line: string) => {
        out(line);
        ready = line;
        io.controller.abort("SIGTERM");
      },
    };
    const args = ["signal", "--host", "127.0.0.1", "--port", "0", "--store", "memory", "--json"];
    equal(await enter(args, asked), 0);
    match(ready, /^\{"event":"ready","url":"http:\/\/127\.0\.0\.1:\d+"\}$/);
    equal(io.outLines.length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("limits that are given are held", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const io = fakeIo({ env: { SLEAP_RTC_HOME: folder } });
    const ready = Promise.withResolvers<string>();
    const args = ["signal", "--host", "127.0.0.1", "--port", "0", "--store", "memory", "--json"];
    const limits = ["--max-rooms", "1", "--max-pending-per-address", "3"];
    const server = enter([...args, ...limits], { ...io, out: ready.resolve });
    const url = z.object({ url: z.string() }).parse(JSON.parse(await ready.promise)).url;
    await createRoom(url, {});
    await rejects(createRoom(url, {}), /SERVER_FULL/);
    const { hostname, port } = new URL(url);
    const held: Deno.TcpConn[] = [];
    const connect = async () => held.push(await Deno.connect({ hostname, port: Number(port) }));
    for (let count = 0; count < 4; count++) await connect();
    await Promise.race(held.map((connection) => connection.read(new Uint8Array(1))));
    for (const connection of held) connection.close();
    await eventually("a word on the one that was turned away", async () => {
      const metrics = await fetch(`${url}/metrics`).then((answer) => answer.text(), () => "");
      return metrics.includes('by="connection",code="ADDRESS_FULL"') ? true : undefined;
    });
    io.controller.abort("SIGTERM");
    equal(await server, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("data that are none are refused with what to do about them, and stay as they are", async () => {
  for (const name of ["signaling.sqlite", "identity_key.json"]) {
    const folder = await Deno.makeTempDir();
    try {
      const path = join(folder, name);
      await Deno.writeTextFile(path, "spoilt ".repeat(200));
      const io = fakeIo({ env: { SLEAP_RTC_HOME: folder } });
      const at = ["--host", "127.0.0.1", "--port", "0", "--data", folder];
      equal(await enter(["signal", ...at], io), 2, name);
      match(io.errLines.join("\n"), new RegExp(`Expected .* ${path}, got .*(move|delete)`));
      match(await Deno.readTextFile(path), /^(spoilt )+$/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

/** The AWS SDK leaves timers of a connection that failed behind for a moment, and cannot be asked not to. */
const WITH_AWS = { sanitizeOps: false, sanitizeResources: false };

Deno.test("a store that does not answer at the start is told as that", WITH_AWS, async () => {
  const folder = await Deno.makeTempDir();
  // Nobody listens where a listener has just been.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  try {
    const env = {
      SLEAP_RTC_HOME: folder,
      AWS_REGION: "eu-west-1",
    };
    const io = fakeIo({ env });
    const at = ["--port", "0", "--dynamodb-endpoint", `http://127.0.0.1:${port}`];
    equal(await enter(["signal", "--store", "dynamodb", ...at], io), 4);
    match(io.errLines.join("\n"), /Expected DynamoDB to answer, got an error; check/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a taken port and a folder that is none are refused with the next step", async () => {
  const folder = await Deno.makeTempDir();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const taken = fakeIo({ env: { SLEAP_RTC_HOME: folder } });
    const at = ["--host", "127.0.0.1", "--port", String(listener.addr.port)];
    equal(await enter(["signal", ...at, "--store", "memory"], taken), 2);
    match(taken.errLines.join("\n"), /got one that is taken; .* another --port/);
    const file = join(folder, "file");
    await Deno.writeTextFile(file, "");
    const elsewhere = fakeIo({ env: { SLEAP_RTC_HOME: folder } });
    equal(await enter(["signal", "--port", "0", "--data", join(file, "data")], elsewhere), 2);
    match(elsewhere.errLines.join("\n"), /give another --port .* or --data/);
  } finally {
    listener.close();
    await Deno.remove(folder, { recursive: true });
  }
});
