/** The log of a command: its form, its level, and what it withholds. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { openLog } from "../../lib/cli/log_option.ts";
import { fakeIo, type FakeIoOptions } from "./fake_io.ts";

async function logged(
  options: FakeIoOptions,
  flags: { verbose?: boolean; logLevel?: "debug" | "info" | "warning" | "error" } = {},
): Promise<readonly string[]> {
  const io = fakeIo(options);
  const given = { verbose: flags.verbose ?? false, logLevel: flags.logLevel };
  const { log, stop } = await openLog(given, io, "info");
  try {
    log.write("debug", "Detail");
    log.write("info", "Joined {room} sleap1.hunter2", {
      peer_id: "a\u001b[2J",
      token: "hunter2",
      count: 2,
      message: "field",
      list: ["x", "sleap1.hunter2"],
    });
  } finally {
    stop();
  }
  return io.errLines;
}

Deno.test("without a terminal, a notice is one JSON object that withholds secrets", async () => {
  const lines = await logged({});
  equal(lines.length, 1);
  const { time, ...rest } = JSON.parse(lines[0] ?? "");
  match(time, /^\d{4}-\d\d-\d\dT/);
  deepEqual(rest, {
    level: "info",
    message: "Joined {room} [invite withheld]",
    peer_id: "a\u001b[2J",
    token: "[withheld]",
    count: 2,
    list: ["x", "[invite withheld]"],
  });
});

Deno.test("in a terminal, it is a sentence that cannot move the cursor", async () => {
  const [line = ""] = await logged({ isTerminal: true });
  match(line, /^\d\d:\d\d:\d\d\.\d{3} info +Joined \{room\} \[invite withheld\] peer_id=a token=/);
  ok(!line.includes("\u001b"));
});

Deno.test("SLEAP_RTC_LOG chooses the form, flags choose the level", async () => {
  const json = await logged({ isTerminal: true, env: { SLEAP_RTC_LOG: "json" } });
  ok(json[0]?.startsWith("{"));
  equal((await logged({}, { verbose: true })).length, 2);
  equal((await logged({}, { logLevel: "error" })).length, 0);
});
