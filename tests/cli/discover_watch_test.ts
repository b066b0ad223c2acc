/** What `discover --watch` shows: a line a change, an object a change, or a table in place. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { discoverCommand } from "../../lib/cli/discover.ts";
import { EXIT } from "../../lib/cli/exit_code.ts";
import { WatchScreen } from "../../lib/cli/watch_screen.ts";
import { BLANK_LIST } from "../../lib/client/room_change.ts";
import { isJobId } from "../../lib/base/id.ts";
import type { Filters, WorkerList } from "../../lib/protocol/query.ts";
import type { WorkerView } from "../../lib/protocol/worker.ts";
import { metadataOf, peer } from "../mesh/peers.ts";
import { type FakeIo, fakeIo, type FakeIoOptions } from "./fake_io.ts";

const NOON_MS = new Date(2026, 0, 31, 12, 3, 4).getTime();

function view(name: string, rest: Partial<WorkerView> = {}): WorkerView {
  return {
    peer_id: peer(name),
    incarnation: 1,
    status: "available",
    current_job: null,
    metadata: metadataOf(16_000),
    is_admin: false,
    alive: true,
    last_heard_ms: 340,
    ...rest,
  };
}

function list(workers: readonly WorkerView[], rest: Partial<WorkerList> = {}): WorkerList {
  return { ...BLANK_LIST, workers: [...workers], total_count: workers.length, ...rest };
}

function busy(): Partial<WorkerView> {
  const id = "job-12345678";
  if (!isJobId(id)) throw new Error(`Expected a job id, got ${id}`);
  return { status: "busy", current_job: { job_id: id, client_id: peer("laptop") } };
}

const LED = { admin_peer_id: peer("gpu-a"), epoch: 2 };
/** What the replica holds, one state after the other. */
const STORY: readonly WorkerList[] = [
  list([view("gpu-a", { is_admin: true }), view("gpu-b")], LED),
  list([view("gpu-a", { is_admin: true }), view("gpu-b", busy())], LED),
  list([view("gpu-a", { alive: false }), view("gpu-b", busy())], {
    ...LED,
    stale: true,
    stale_ms: 3_200,
  }),
  list([view("gpu-b")], { admin_peer_id: peer("gpu-b"), epoch: 3 }),
  list([view("gpu-b", { metadata: metadataOf(1) }), view("gpu-c", { alive: false })], {
    admin_peer_id: peer("gpu-b"),
    epoch: 3,
  }),
];

/** Plays {@linkcode STORY} to a screen, one state a second. */
function show(
  options: FakeIoOptions & { readonly json?: boolean; readonly filters?: Filters } = {},
): FakeIo {
  const io = fakeIo(options);
  let at = 0;
  const screen = new WatchScreen(io, {
    json: options.json ?? false,
    filters: options.filters ?? {},
    clock: { now: () => at * 1_000, wallMs: () => NOON_MS + at * 1_000 },
    list: () => STORY[at] ?? BLANK_LIST,
  });
  screen.hear({ type: "watching", worker: peer("gpu-a"), rtc: "native", tookMs: 32.4 });
  screen.hear({ type: "changed" });
  for (at = 1; at < STORY.length; at++) {
    if (at === 2) screen.hear({ type: "lost", worker: peer("gpu-a"), reason: "silent" });
    screen.hear({ type: "changed" });
  }
  at = STORY.length - 1;
  screen.close();
  return io;
}

Deno.test("elsewhere than on a terminal, each change is a line", () => {
  deepEqual(show().outLines, [
    "12:03:04 watching gpu-a (native link, 32 ms)",
    "12:03:04 admin is gpu-a (epoch 2)",
    "12:03:04 gpu-a available",
    "12:03:04 gpu-b available",
    "12:03:05 gpu-b available → busy (job-12345678)",
    "12:03:06 lost gpu-a, looking for another worker: silent",
    "12:03:06 stale: no news of the room for 3.2s",
    "12:03:06 gpu-a gives no sign of life [stale for 3.2s]",
    "12:03:07 admin is gpu-b (epoch 3)",
    "12:03:07 up to date again",
    "12:03:07 gpu-b busy → available",
    "12:03:07 gpu-a left",
    "12:03:08 gpu-b says something else of itself",
    "12:03:08 gpu-c available, silent",
  ]);
});

Deno.test("filters leave out what nobody asked for", () => {
  const lines = show({ filters: { status: "busy" } }).outLines;
  deepEqual(lines.filter((line) => / gpu-b .*→/.test(line)), [
    "12:03:05 gpu-b available → busy (job-12345678)",
    "12:03:07 gpu-b busy → available",
  ]);
  ok(!lines.some((line) => /^[\d:]+ gpu-[ac] /.test(line)));
});

Deno.test("for programs, each change is one JSON object, with the staleness of what it tells", () => {
  const io = show({ json: true, isTerminal: true });
  const events = io.outLines.map((line) => JSON.parse(line));
  equal(events.length, show().outLines.length);
  deepEqual(events[0], {
    event: "watching",
    time: new Date(NOON_MS).toISOString(),
    via: "replica",
    stale: false,
    stale_ms: 0,
    peer_id: "gpu-a",
    rtc: "native",
    took_ms: 32.4,
  });
  deepEqual(events[4], {
    event: "worker_changed",
    time: new Date(NOON_MS + 1_000).toISOString(),
    via: "replica",
    stale: false,
    stale_ms: 0,
    worker: view("gpu-b", busy()),
    before: { status: "available", current_job: null, alive: true },
  });
  deepEqual([events[6].event, events[6].stale, events[6].stale_ms], [
    "staleness_changed",
    true,
    3_200,
  ]);
  equal(io.drawn.length, 0);
});

Deno.test("on a terminal the table changes in place, and the last changes stand below it", () => {
  const io = show({ isTerminal: true, columns: 100, rows: 24 });
  equal(io.outLines.length, 0);
  // deno-lint-ignore no-control-regex -- the cursor's movements are what is checked
  match(io.drawn[1] ?? "", /^\u001b\[\d+A\r/);
  match(io.drawn[0] ?? "", /gpu-a \* +available/);
  match(io.drawn[1] ?? "", /gpu-b +busy +16 GB +- +job-12345678/);
  const last = io.drawn.at(-1) ?? "";
  match(last, /gpu-c +available \(silent\)/);
  match(last, /admin gpu-b, answered by own replica of gpu-a in 0\.0 ms/);
  equal(last.match(/12:03:0\d/g)?.length, 5);
  for (const text of io.drawn) ok(text.split("\n").length <= 24, text);
});

Deno.test("a worker that --from cannot mean is refused before anything is sent", async () => {
  const io = fakeIo();
  equal(await discoverCommand.execute(["--from", "no worker"], io), EXIT.usage);
  match(io.errLines.join("\n"), /Expected a worker as `sleap-rtc discover` names it for --from/);
});
