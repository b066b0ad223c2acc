/** Settings: which source wins, what is refused, and that secrets are not repeated. */

import { deepEqual, equal, ok, rejects, throws } from "node:assert/strict";
import { join } from "node:path";
import { isRoomId } from "../../lib/base/id.ts";
import { encodeInvite } from "../../lib/protocol/invite.ts";
import {
  Config,
  ConfigError,
  type Environment,
  installationFolder,
  type Layer,
  loadConfig,
  parseLayer,
  roomAccessOf,
} from "../../lib/runtime/config.ts";

const ROOM_ID = "abcdefgh2345";
if (!isRoomId(ROOM_ID)) throw new Error("Expected a room id");
const TOKEN = "mfrggzdfmztwq2lkmfrggzdfmz";
const SECRET = "nbswy3dpo5xxe3denbswy3dpo5";
const INVITE = encodeInvite({
  server: "http://invite:1",
  room_id: ROOM_ID,
  token: TOKEN,
  secret: SECRET,
});

/** A layer whose every value comes from `from`. */
function layer(from: string, values: Readonly<Record<string, unknown>>): Layer {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, from }]),
  );
}

function environment(values: Readonly<Record<string, string>>): Environment {
  return (name) => values[name];
}

Deno.test("flags win over the environment, and that over the file", () => {
  const flags = layer("--server", { server: "http://flag:1" });
  const env = layer("SLEAP_RTC_SERVER", { server: "http://environment:1" });
  const file = layer("sleap-rtc.toml, key server", { server: "http://file:1/", rtc: "werift" });
  const cases: [readonly Layer[], string, string][] = [
    [[flags, env, file], "http://flag:1", "--server"],
    [[{}, env, file], "http://environment:1", "SLEAP_RTC_SERVER"],
    [[{}, {}, file], "http://file:1", "sleap-rtc.toml, key server"],
  ];
  for (const [layers, value, from] of cases) {
    deepEqual(new Config(layers).get("server"), { value, from });
  }
  equal(new Config([flags, env, file]).get("rtc")?.value, "werift");
  equal(new Config([{}, {}, {}]).get("server"), undefined);
});

Deno.test("the room is that of the strongest source that names one", () => {
  const parts = { room_id: "zzzzzzzz2345", token: TOKEN, secret: SECRET };
  const cases: [string, readonly Layer[], { server: string; roomId: string }][] = [
    ["invite alone", [{}, layer("e", { invite: INVITE }), {}], {
      server: "http://invite:1",
      roomId: ROOM_ID,
    }],
    ["a weaker server leaves the invite's", [
      {},
      layer("e", { invite: INVITE }),
      layer("f", { server: "http://file:1" }),
    ], { server: "http://invite:1", roomId: ROOM_ID }],
    ["an equal server replaces it", [
      {},
      layer("e", { invite: INVITE, server: "http://environment:1" }),
      {},
    ], { server: "http://environment:1", roomId: ROOM_ID }],
    ["an invite flag hides weaker parts", [
      layer("--invite-file", { invite: INVITE }),
      layer("e", parts),
      {},
    ], { server: "http://invite:1", roomId: ROOM_ID }],
    ["parts in the environment hide the file's invite", [
      {},
      layer("e", parts),
      layer("f", { invite: INVITE, server: "http://file:1" }),
    ], { server: "http://file:1", roomId: "zzzzzzzz2345" }],
  ];
  for (const [name, layers, wanted] of cases) {
    const { server, roomId } = roomAccessOf(new Config(layers));
    deepEqual({ server, roomId }, wanted, name);
  }
});

Deno.test("a room that is missing, halved or named twice is refused in words", () => {
  const cases: [readonly Layer[], RegExp][] = [
    [[{}, {}, {}], /Expected a room, got none; set SLEAP_RTC_INVITE/],
    [[{}, layer("SLEAP_RTC_ROOM_ID", { room_id: ROOM_ID }), {}], /server, token, secret missing/],
    [
      [{}, layer("the environment", { invite: INVITE, token: TOKEN }), {}],
      /got both \(from the environment and the environment\)/,
    ],
    [
      [{}, layer("SLEAP_RTC_INVITE", { invite: INVITE.slice(0, -4) }), {}],
      /end is missing.*\(from SLEAP_RTC_INVITE\)/,
    ],
  ];
  for (const [layers, message] of cases) {
    throws(() => roomAccessOf(new Config(layers)), { name: "ConfigError", message });
  }
});

Deno.test("a wrong value names its key, its source, what was wanted and what was got", () => {
  const cases: [string, RegExp][] = [
    [`server = "lab"`, /such as http:.*for server, got "lab" \(from a\.toml, key server\)/],
    [`rtc = "fast"`, /for rtc, got "fast" \(from a\.toml, key rtc\)/],
    [`[worker]\ngpu_memory_mb = "24 GB"`, /for worker\.gpu_memory_mb, got "24 GB"/],
    [`ice_servers = [{ url = "http://x" }]`, /stun:host:3478 at 0\.url for ice_servers/],
    [`severs = "x"`, /in a\.toml, got the key severs/],
    [`[worker]\nnmae = "x"`, /got the key worker\.nmae/],
    [`server =`, /Expected TOML in a\.toml/],
  ];
  for (const [text, message] of cases) {
    throws(() => new Config([parseLayer(text, "a.toml")]), { name: "ConfigError", message });
  }
});

Deno.test("a wrong secret is not repeated", () => {
  for (const key of ["token", "secret"]) {
    throws(
      () => new Config([layer("SOURCE", { [key]: "hunter2 hunter2" })]),
      (error) => error instanceof ConfigError && !error.message.includes("hunter2"),
    );
  }
});

Deno.test("the file is the named one, or the installation's", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const named = join(folder, "named.toml");
    await Deno.writeTextFile(named, `server = "http://named:1"`);
    await Deno.writeTextFile(join(folder, "config.toml"), `server = "http://home:1"`);
    const home = { SLEAP_RTC_HOME: folder };
    const server = async (values: Readonly<Record<string, string>>) =>
      (await loadConfig({}, environment(values))).get("server")?.value;
    equal(await server({ ...home, SLEAP_RTC_CONFIG: named }), "http://named:1");
    equal(await server(home), "http://home:1");
    equal(await server({ ...home, SLEAP_RTC_SERVER: "http://variable:1" }), "http://variable:1");
    await rejects(server({ ...home, SLEAP_RTC_CONFIG: join(folder, "none.toml") }), {
      name: "ConfigError",
      message: /from SLEAP_RTC_CONFIG\), got none/,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the installation's folder can be named, and needs a home otherwise", () => {
  equal(installationFolder(environment({ SLEAP_RTC_HOME: "h", HOME: "x" })), "h");
  ok(installationFolder(environment({ HOME: "x" })).endsWith(".sleap-rtc"));
  throws(() => installationFolder(environment({})), { name: "ConfigError" });
});

Deno.test("mounts and maps are read of the file, and a label is used once", () => {
  const text = [
    "[[worker.mounts]]",
    'label = "lab"',
    'path = "/mnt/lab"',
    "[[maps]]",
    'from = "C:/ann"',
    'to = "lab:ann"',
  ].join("\n");
  const config = new Config([parseLayer(text, "sleap-rtc.toml")]);
  deepEqual(config.get("worker.mounts")?.value, [{ label: "lab", path: "/mnt/lab" }]);
  deepEqual(config.get("maps")?.value, [{ from: "C:/ann", to: "lab:ann" }]);
  const mount = { label: "lab", path: "/a" };
  const wrong: [unknown, RegExp][] = [
    [[mount, { ...mount, path: "/b" }], /a label of its own.*worker\.mounts/],
    [[{ ...mount, label: "c" }], /label of 2 to 32/],
    [[{ ...mount, label: "../x" }], /label of 2 to 32/],
    ["lab=/mnt", /worker\.mounts, got "lab=\/mnt"/],
  ];
  for (const [value, message] of wrong) {
    throws(() => new Config([layer("--mount", { "worker.mounts": value })]), message);
  }
});
