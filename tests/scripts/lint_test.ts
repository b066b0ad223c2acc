/** Each house rule on code that keeps it and on code that breaks it. */

import { deepEqual } from "node:assert/strict";
import plugin from "../../scripts/lint/plugin.ts";

interface Case {
  readonly path: string;
  readonly source: string;
}

const OPENING = "/** Knows this. Does not know that. */\n\n";

function caseOf(path: string, source: string): Case {
  return { path, source: OPENING + source };
}

/** The rules that `source` breaks at `path`, each once. */
function broken({ path, source }: Case): string[] {
  return [...new Set(Deno.lint.runPlugin(plugin, path, source).map((found) => found.id))];
}

/** One test for each rule: every source of `kept` is clean, every one of `breaks` is found. */
function testRule(
  rule: string,
  { kept, breaks }: { readonly kept: readonly Case[]; readonly breaks: readonly Case[] },
): void {
  Deno.test(`house/${rule}`, () => {
    for (const item of kept) deepEqual(broken(item), [], `${item.path}: ${item.source}`);
    for (const item of breaks) {
      deepEqual(broken(item), [`house/${rule}`], `${item.path}: ${item.source}`);
    }
  });
}

testRule("layers", {
  kept: [
    caseOf("main.ts", 'import { run } from "./lib/cli/program.ts";'),
    caseOf("lib/cli/worker.ts", 'import { a } from "../runtime/runner.ts";'),
    caseOf("lib/cli/signal.ts", 'export const app = () => import("../../signaling/app.ts");'),
    caseOf("lib/cli/cleanup_cognito.ts", 'const a = await import("../../signaling/a.ts");'),
    caseOf("lib/client/session.ts", 'import type { Link } from "../rtc/link.ts";'),
    caseOf("lib/mesh/node.ts", 'import { a } from "./election.ts";'),
    caseOf("lib/mesh/node.ts", 'import type { PeerId } from "../base/id.ts";'),
    caseOf("lib/protocol/version.ts", 'import m from "../../deno.json" with { type: "json" };'),
    caseOf("lib/protocol/name.ts", 'import { z } from "zod";'),
    caseOf("signaling/rooms.ts", 'import { a } from "../lib/protocol/name.ts";'),
    caseOf("signaling/stores/sqlite.ts", 'import { a } from "../rooms.ts";'),
    caseOf("tests/mesh/node_test.ts", 'import { a } from "../../lib/mesh/node.ts";'),
    caseOf("scripts/demo.ts", 'const name = "x"; await import(name);'),
  ],
  breaks: [
    caseOf("main.ts", 'import { a } from "./lib/runtime/runner.ts";'),
    caseOf("lib/cli/worker.ts", 'import { a } from "../../signaling/app.ts";'),
    caseOf("lib/runtime/runner.ts", 'const app = await import("../../signaling/app.ts");'),
    caseOf("lib/rtc/link.ts", 'export { a } from "../runtime/runner.ts";'),
    caseOf("lib/mesh/node.ts", 'import type { Job } from "../job/job.ts";'),
    caseOf("lib/job/job.ts", 'type A = import("../mesh/node.ts").A;'),
    caseOf("lib/runtime/worker.ts", 'export * from "../client/session.ts";'),
    caseOf("lib/protocol/name.ts", 'import { a } from "../mesh/node.ts";'),
    caseOf("lib/base/id.ts", 'import { z } from "zod";'),
    caseOf("lib/base/id.ts", 'import { a } from "../protocol/name.ts";'),
    caseOf("lib/runtime/runner.ts", 'import { a } from "../../tests/world.ts";'),
    caseOf("lib/runtime/runner.ts", 'import { a } from "../../main.ts";'),
    caseOf("lib/runtime/runner.ts", "export const load = (name: string) => import(name);"),
    caseOf("lib/stuff/thing.ts", 'import { a } from "../base/id.ts";'),
    caseOf("signaling/app.ts", 'import { a } from "../lib/mesh/node.ts";'),
    caseOf("signaling/app.ts", 'import { a } from "../scripts/demo.ts";'),
  ],
});

testRule("purity", {
  kept: [
    "export type Later = Promise<Date>;",
    "export function later(wait: () => Promise<void>): Promise<void> { return wait(); }",
    "export interface Port { readonly process: string; fetch(): void }",
    "export const of = (port: { fetch(): void }) => port.fetch();",
    "export const named = { process: 1, Date: 2 };",
    "export class Made { fetch(): void {} readonly process = 1; }",
    "export type Clock = typeof Date;",
    "export const half = (a: number) => Math.floor(a / 2);",
    'import { z } from "zod"; export const text = z.string();',
  ].map((source) => caseOf("lib/mesh/node.ts", source)).concat([
    caseOf("lib/rtc/dial.ts", "export const now = () => Date.now();"),
    caseOf("signaling/socket.ts", "export async function a(): Promise<void> { await fetch('/'); }"),
  ]),
  breaks: [
    "export const now = () => Date.now();",
    "export const now = () => performance.now();",
    "export const now = () => new Date();",
    "export const now = Date as unknown;",
    "export const make = { Date };",
    "export const random = () => Math.random();",
    "export const { random } = Math;",
    'export const random = Math["random"];',
    "export const id = () => crypto.randomUUID();",
    'import { randomBytes } from "node:crypto"; export const a = randomBytes;',
    'import { setTimeout as wait } from "node:timers/promises"; export const a = wait;',
    "setTimeout(() => {}, 1);",
    "setInterval(() => {}, 1);",
    "queueMicrotask(() => {});",
    "export const later = Promise.resolve();",
    "export const later = () => new Promise<void>(() => {});",
    "export async function later(): Promise<void> {}",
    "export const later = async () => {};",
    "export class Made { async later(): Promise<void> {} }",
    "await 1;",
    "for await (const a of []) a;",
    'export const socket = () => new WebSocket("ws://a");',
    'export const get = () => fetch("http://a");',
    "export const cores = () => Deno.args;",
    "export const cores = () => process.argv;",
    "export const escape = () => globalThis;",
    'export const load = () => import("./b.ts");',
  ].flatMap((source) =>
    ["lib/mesh/node.ts", "lib/job/job.ts", "lib/transfer/plan.ts"].map((path) =>
      caseOf(path, source)
    )
  ).concat(caseOf("lib/base/time.ts", "export const now = () => Date.now();")),
});

testRule("doors", {
  kept: [
    caseOf("lib/mesh/automerge.ts", 'import * as A from "@automerge/automerge/slim";'),
    caseOf("lib/rtc/native.ts", 'export const load = () => import("node-datachannel");'),
    caseOf("lib/protocol/identity.ts", 'import { base32nopad } from "@scure/base";'),
    caseOf("tests/rtc/werift_test.ts", 'import { RTCPeerConnection } from "werift";'),
    caseOf("scripts/bench/registry.ts", 'import * as A from "@automerge/automerge/slim";'),
  ],
  breaks: [
    caseOf("lib/mesh/registry.ts", 'import * as A from "@automerge/automerge";'),
    caseOf("lib/rtc/link.ts", 'import type { RTCPeerConnection } from "werift";'),
    caseOf("lib/rtc/link.ts", 'export const load = () => import("node-datachannel");'),
    caseOf("lib/rtc/link.ts", 'type Peer = import("werift").RTCPeerConnection;'),
    caseOf("lib/cli/train.ts", 'import { read } from "@talmolab/sleap-io.js/lite";'),
    caseOf("signaling/app.ts", 'export { jwtVerify } from "jose";'),
    caseOf("signaling/app.ts", 'import { S3Client } from "@aws-sdk/client-s3";'),
  ],
});

testRule("file-name", {
  kept: [
    caseOf("lib/base/seeded_random.ts", ""),
    caseOf("tests/mesh/node_test.ts", ""),
    caseOf("signaling/web/dashboard.d.ts", ""),
  ],
  breaks: [
    caseOf("lib/base/seededRandom.ts", ""),
    caseOf("lib/base/seeded-random.ts", ""),
    caseOf("lib/base/utils.ts", ""),
    caseOf("lib/rtc/types.ts", ""),
    caseOf("tests/helpers/world.ts", ""),
    caseOf("scripts/common.ts", ""),
  ],
});

testRule("opening-sentence", {
  kept: [
    caseOf("lib/base/id.ts", "export const a = 1;"),
    { path: "main.ts", source: "#!/usr/bin/env -S deno run\n/** Starts it all. */\n\nrun();" },
    { path: "tests/a_test.ts", source: "export const a = 1;" },
  ],
  breaks: [
    { path: "lib/base/id.ts", source: "export const a = 1;" },
    { path: "lib/base/id.ts", source: "// Knows ids.\n\nexport const a = 1;" },
    { path: "lib/base/id.ts", source: "/** A docstring. */\nexport const a = 1;" },
    { path: "signaling/app.ts", source: "/** @module */\n\nexport const a = 1;" },
    { path: "signaling/app.ts", source: 'import { z } from "zod";\n\n/** Late. */\n\nz.string();' },
  ],
});

testRule("no-console", {
  kept: [
    caseOf(
      "lib/cli/discover.ts",
      'export const say = (out: { write(a: string): void }) => out.write("");',
    ),
    caseOf("scripts/demo.ts", 'console.log("a");'),
    caseOf("tests/a_test.ts", 'console.log("a");'),
  ],
  breaks: [
    caseOf("lib/cli/discover.ts", 'console.log("a");'),
    caseOf("signaling/app.ts", 'console.error("a");'),
    caseOf("main.ts", 'console.error("a");'),
  ],
});

testRule("no-doubt", {
  kept: [caseOf("lib/rtc/link.ts", '/** What todo lists are. */ export const a = "TODO";')],
  breaks: [
    caseOf("lib/rtc/link.ts", "// TODO: later\n"),
    caseOf("tests/a_test.ts", "/* FIXME */"),
    caseOf("scripts/demo.ts", "/** Works. XXX not always */\nexport const a = 1;"),
  ],
});

testRule("no-empty-catch", {
  kept: [
    caseOf("lib/rtc/link.ts", "try { go(); } catch (error) { log(error); }"),
    caseOf("lib/rtc/link.ts", "go().catch((error: unknown) => log(error));"),
  ],
  breaks: [
    caseOf("lib/rtc/link.ts", "try { go(); } catch { /* never happens */ }"),
    caseOf("tests/a_test.ts", "try { go(); } catch (error) {} finally { end(); }"),
    caseOf("signaling/app.ts", "go().catch(() => {});"),
    caseOf("signaling/app.ts", "go().catch(function () {});"),
  ],
});

testRule("no-cast", {
  kept: [
    caseOf("lib/rtc/link.ts", "export const a = JSON.parse(text) as unknown;"),
    caseOf("lib/rtc/link.ts", "const a: unknown = JSON.parse(text); read(a);"),
    caseOf("lib/rtc/link.ts", "export const a = [1, 2] as const;"),
    caseOf("lib/rtc/link.ts", "export const a = schema.parse(JSON.parse(text));"),
    caseOf("tests/a_test.ts", "export const a = JSON.parse(text) as Message;"),
  ],
  breaks: [
    caseOf("lib/rtc/link.ts", "export const a = JSON.parse(text) as Message;"),
    caseOf("lib/rtc/link.ts", "export const a = <Message>JSON.parse(text);"),
    caseOf("signaling/app.ts", "export const a = await request.json() as Message;"),
    caseOf("signaling/app.ts", "export const a = (await request.json()) as Message;"),
    caseOf("lib/rtc/link.ts", "export const a: Message = JSON.parse(text);"),
    caseOf("lib/rtc/link.ts", "export const a = b as any;"),
    caseOf("lib/rtc/link.ts", "export const a = b as never;"),
    caseOf("lib/rtc/link.ts", "export const a = b as unknown as Message;"),
  ],
});

testRule("import-map", {
  kept: [caseOf("lib/rtc/link.ts", 'import { z } from "zod"; import { a } from "node:path";')],
  breaks: [
    caseOf("lib/rtc/link.ts", 'import { z } from "npm:zod@4";'),
    caseOf("tests/a_test.ts", 'import { equal } from "jsr:@std/assert";'),
    caseOf("scripts/demo.ts", 'const a = await import("https://example.org/a.ts");'),
  ],
});

Deno.test("a fault says what was wanted, what was got and what to do", () => {
  const source = OPENING + 'import { a } from "../job/job.ts";';
  deepEqual(
    Deno.lint.runPlugin(plugin, "lib/mesh/node.ts", source).map(({ message, hint }) => ({
      message,
      hint,
    })),
    [{
      message:
        "Expected lib/mesh to import only lib/protocol, lib/base besides itself, got lib/job/job.ts",
      hint:
        "Imports point down, never sideways: move what is needed down, or pass it in from above",
    }],
  );
});
