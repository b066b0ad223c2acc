/** `create-room` and `extend-room` against a real server in this process, and against wrong ones. */

import { equal, match, notEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { SILENT_LOG } from "../../lib/base/log.ts";
import { enter } from "../../lib/cli/entrance.ts";
import { listWorkers } from "../../lib/client/room_api.ts";
import { loadIdentity } from "../../lib/runtime/credentials.ts";
import { decodeInvite } from "../../lib/protocol/invite.ts";
import { startSignaling } from "../../signaling/server.ts";
import { fakeIo } from "./fake_io.ts";

/** Where nothing is. */
const HOME = { SLEAP_RTC_HOME: "no-such-folder" };

function homeIn(folder: string): { readonly SLEAP_RTC_HOME: string } {
  return { SLEAP_RTC_HOME: join(folder, "home") };
}

async function withServer(check: (url: string, folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const server = await startSignaling({
    hostname: "127.0.0.1",
    port: 0,
    dataFolder: join(folder, "signal"),
    store: "memory",
  }, SILENT_LOG);
  try {
    await check(server.url, folder);
  } finally {
    await server.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

async function withAnswer(
  answer: () => Response,
  check: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, answer);
  try {
    await check(`http://127.0.0.1:${server.addr.port}`);
  } finally {
    await server.shutdown();
  }
}

Deno.test("a room is made, its invite carries it, and it can be extended", () =>
  withServer(async (url, folder) => {
    const home = homeIn(folder);
    const io = fakeIo({ env: home });
    equal(await enter(["create-room", "--server", `${url}/`, "--ttl", "2h", "--json"], io), 0);
    equal(io.outLines.length, 1, "one object");
    const room = JSON.parse(io.outLines[0] ?? "");
    const decoded = decodeInvite(room.invite);
    ok(decoded.ok);
    equal(decoded.value.server, url);
    equal(decoded.value.room_id, room.room_id);
    equal(decoded.value.secret, room.secret);

    const { room_id, token } = decoded.value;
    const list = await listWorkers({ server: url, roomId: room_id, token }, { status: "busy" });
    equal(list.total_count, 0, "the server's own list is there for when no admin is");

    const file = join(folder, "lab.invite");
    await Deno.writeTextFile(file, `${room.invite}\n`);
    const again = fakeIo({ env: home });
    equal(await enter(["extend-room", "--invite-file", file, "--by", "1d", "--json"], again), 0);
    equal(JSON.parse(again.outLines[0] ?? "").expires_at, room.expires_at + 86_400);

    const piped = fakeIo({ env: home, stdin: room.invite });
    equal(await enter(["extend-room", "--invite-file", "-"], piped), 0);
    match(piped.outLines.join("\n"), new RegExp(`^Room ${room.room_id} expires 20`));

    const variable = fakeIo({ env: { ...home, SLEAP_RTC_INVITE: room.invite } });
    equal(await enter(["extend-room"], variable), 0);

    await Deno.writeTextFile(file, "mfrggzdfmztwq2lkmfrggzdfmz");
    const parts = ["--server", url, "--room-id", room.room_id, "--token-file", file];
    const wrong = fakeIo({ env: { ...home, SLEAP_RTC_ROOM_SECRET: room.secret } });
    equal(await enter(["extend-room", ...parts], wrong), 5, "a wrong token is refused");
    match(wrong.errLines.join("\n"), /ROOM_REFUSED/);
  }));

Deno.test("whoever makes a room is remembered at that server, and a home that cannot be written costs no room", () =>
  withServer(async (url, folder) => {
    const home = join(folder, "home");
    const io = fakeIo({ env: { SLEAP_RTC_HOME: home } });
    equal(await enter(["create-room", "--server", url, "--json"], io), 0);
    const identity = await loadIdentity(home);
    const now = Date.now();
    match(identity.idTokenAt(url, now) ?? "", /^[\w-]+\.[\w-]+\.[\w-]+$/);
    equal(identity.idTokenAt("http://127.0.0.1:1", now), undefined);
    equal(identity.idTokenAt(url, now + 31 * 86_400_000), undefined, "good for thirty days");
    ok(!io.errLines.join().includes("not kept"));
    ok(![...io.outLines, ...io.errLines].join().includes(identity.idTokenAt(url, now) ?? "none"));

    const sealed = join(folder, "sealed");
    await Deno.mkdir(join(sealed, "sign_ins.json"), { recursive: true });
    const homeless = fakeIo({ env: { SLEAP_RTC_HOME: sealed } });
    equal(await enter(["create-room", "--server", url], homeless), 0);
    match(homeless.outLines.join("\n"), /^Invite {3}sleap1/m);
    match(homeless.errLines.join("\n"), /The sign-in was not kept, so peers of this machine/);
  }));

Deno.test("for people, a room comes with the lines to paste", () =>
  withServer(async (url, folder) => {
    const home = homeIn(folder);
    const io = fakeIo({ env: { ...home, SLEAP_RTC_SERVER: url } });
    equal(await enter(["create-room", "--ttl", "never"], io), 0);
    const text = io.outLines.join("\n");
    match(text, /^Expires {2}never$/m);
    match(text, /^export SLEAP_RTC_INVITE=sleap1\.\S+$/m);
    match(text, /^invite = "sleap1\.\S+"$/m);
    match(io.errLines.join("\n"), /Only this machine reaches http:\/\/127/);
    const other = fakeIo({ env: { ...home, SLEAP_RTC_SERVER: url } });
    equal(await enter(["create-room"], other), 0);
    const secretOf = (lines: readonly string[]) => lines.find((line) => line.startsWith("Secret"));
    notEqual(secretOf(io.outLines), secretOf(other.outLines));
  }));

Deno.test("on a terminal, a room comes with the QR code of its invite, and elsewhere without", () =>
  withServer(async (url, folder) => {
    const home = homeIn(folder);
    const code = (io: { outLines: string[] }) =>
      io.outLines.filter((line) => /^[█▀▄ ]{20,}$/.test(line));
    const terminal = fakeIo({ env: home, isTerminal: true, columns: 120 });
    equal(await enter(["create-room", "--server", url], terminal), 0);
    ok(code(terminal).length >= 20);
    for (const args of [["--json"], []]) {
      const plain = fakeIo({ env: home, isTerminal: args.length > 0, columns: 120 });
      equal(await enter(["create-room", "--server", url, ...args], plain), 0);
      equal(code(plain).length, 0);
    }
  }));

Deno.test("a server that is none ends in the right exit code and the next step", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const down = fakeIo({ env: HOME });
  equal(await enter(["create-room", "--server", `http://127.0.0.1:${port}`], down), 4);
  match(down.errLines.join("\n"), /got no answer; check the address .* `sleap-rtc signal`/);

  const answers: [() => Response, number, RegExp][] = [
    [() => new Response("<html>"), 8, /got an answer of another kind/],
    [() => new Response("nginx", { status: 404 }), 8, /got HTTP status 404; check the address/],
    [() => Response.json({ id_token: 7 }), 8, /got an answer of another kind/],
    [() => new Response("x".repeat(2_000_000)), 8, /at most 1048576 bytes/],
    [
      () => Response.json({ error: { code: "SERVER_FULL", message: "Full" } }, { status: 503 }),
      4,
      /Full \(SERVER_FULL/,
    ],
    [() => Response.redirect("http://127.0.0.1:9/"), 4, /got no answer/],
  ];
  for (const [answer, code, message] of answers) {
    await withAnswer(answer, async (url) => {
      const io = fakeIo({ env: HOME });
      equal(await enter(["create-room", "--server", url], io), code, String(message));
      match(io.errLines.join("\n"), message);
      equal(io.outLines.length, 0);
    });
  }
});

Deno.test("an interruption ends a command with the shell's code", async () => {
  const io = fakeIo({ env: HOME });
  io.controller.abort("SIGINT");
  equal(await enter(["create-room", "--server", "http://127.0.0.1:9", "--json"], io), 130);
  match(io.outLines.join("\n"), /"ok":false,"error":"interrupted".*"exit_code":130/);
});
