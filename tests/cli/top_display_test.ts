/** What `top` draws, at the widths and heights of screens that there are. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { topLines } from "../../lib/cli/top_display.ts";
import { substanceOf, topFacts } from "../../lib/cli/top_view.ts";
import { widthOf } from "../../lib/cli/terminal_text.ts";
import { fullRoom, worker } from "./top_stage.ts";

const page = (columns: number, rows = Infinity) => ({ columns, rows, isColored: false });

for (const columns of [120, 80, 40]) {
  Deno.test(`a full room on ${columns} columns`, async () => {
    const golden = new URL(`top_${columns}.txt`, import.meta.url);
    const lines = topLines(fullRoom(), page(columns));
    const text = `${lines.join("\n")}\n`;
    if (Deno.env.get("GOLDEN") === "write") await Deno.writeTextFile(golden, text);
    equal(text, await Deno.readTextFile(golden));
  });
}

Deno.test("no line is wider and no page higher than the screen, and no control character comes through", () => {
  for (const columns of [1, 8, 20, 33, 60, 140]) {
    for (const rows of [0, 1, 2, 4, 5, 7, 10, 13, 24]) {
      const lines = topLines(fullRoom({ trouble: "silent" }), page(columns, rows));
      ok(lines.length <= rows, `${lines.length} lines in ${rows}`);
      for (const line of lines) {
        ok(widthOf(line) <= columns, `${columns}: ${line}`);
        // deno-lint-ignore no-control-regex -- control characters are what is sought
        ok(!/[\u0000-\u001f\u007f]/.test(line), JSON.stringify(line));
      }
    }
  }
});

Deno.test("where little fits, each part keeps its first row, and says what is left out", () => {
  const view = fullRoom();
  const workers = Array.from({ length: 9 }, (_, index) => worker(`gpu-${index}-aaaaaaaaaa`));
  const many = { ...view, list: { ...view.list, workers } };
  const heads = (rows: number) =>
    topLines(many, page(80, rows)).filter((line) => /^[A-Z]{4}/.test(line))
      .map((line) => line.split(/ {2,}/)[0]);
  deepEqual(heads(24), ["WORKER", "WAITING", "LINK TO"]);
  deepEqual(heads(10), ["WORKER", "WAITING", "LINK TO"]);
  deepEqual(heads(7), ["WORKER", "WAITING"]);
  deepEqual(heads(3), []);
  ok(topLines(many, page(80, 14)).some((line) => /^… \d more$/.test(line)));
});

Deno.test("a room that is cut off, lost or not found yet says so, and since when", () => {
  const { list } = fullRoom();
  const stale = { ...list, stale: true, stale_ms: 65_000 };
  const head = (view: Parameters<typeof fullRoom>[0]) => topLines(fullRoom(view), page(120));
  equal(
    head({ list: stale })[1],
    "Stale for 1m 5s: gpu-a-aaaaaaaaaa is cut off from the others, or silent",
  );
  deepEqual(head({ list: stale, trouble: "it is\u0007 gone" }).slice(1, 3), [
    "Looking for another worker: it is� gone",
    "Stale for 1m 5s",
  ]);
  deepEqual(head({ watched: undefined, trouble: undefined }), ["Looking for a worker"]);
  deepEqual(head({ watched: undefined, trouble: "there is none" }), [
    "Looking for a worker: there is none",
  ]);
});

Deno.test("colours are for screens that have them, and stand around the text", () => {
  const [first] = topLines(fullRoom(), { ...page(120), isColored: true });
  // deno-lint-ignore no-control-regex -- colours are what is sought
  match(first ?? "", /^\u001b\[1m3 workers.*\u001b\[0m$/);
});

Deno.test("ages and measurements alone make no news", () => {
  const view = fullRoom();
  const aged = view.list.workers.map((each) => ({ ...each, last_heard_ms: 9_000 }));
  const older = { ...view.list, workers: aged, stale_ms: 5 };
  equal(substanceOf(fullRoom({ list: older, links: [] })), substanceOf(view));
  const table = [
    fullRoom({ list: { ...view.list, stale: true } }),
    fullRoom({ list: { ...view.list, waiting: [] } }),
    fullRoom({ list: { ...view.list, workers: view.list.workers.slice(1) } }),
    fullRoom({ trouble: "lost" }),
    fullRoom({ progress: new Map() }),
  ];
  for (const other of table) ok(substanceOf(other) !== substanceOf(view));
});

Deno.test("for programs the room is one object", () => {
  const facts = JSON.parse(JSON.stringify(topFacts(fullRoom())));
  equal(facts.watched_peer_id, "gpu-a-aaaaaaaaaa");
  deepEqual(facts.links[0], {
    from_peer_id: "mine-ffffffffff",
    to_peer_id: "gpu-a-aaaaaaaaaa",
    role: "worker",
    rtc: "native",
    path: "relay",
    rtt_ms: 0.3,
    sent_bytes_per_s: 1_234.5,
    received_bytes_per_s: null,
  });
  deepEqual(facts.jobs, [
    { job_id: "job-12345678", run_name: "centroid", epochs: 12, last_loss: 0.00123 },
  ]);
});
