/** The way in: which command a line means, what is refused, and that secrets stay out of lines. */

import { equal, match, ok } from "node:assert/strict";
import { chooseCommand, COMMANDS } from "../../lib/cli/command_list.ts";
import { enter } from "../../lib/cli/entrance.ts";
import { fakeIo } from "./fake_io.ts";

Deno.test("options may stand before the command", () => {
  const cases: [string[], string | undefined, string[]][] = [
    [["discover", "--json"], "discover", ["--json"]],
    [["--json", "discover"], "discover", ["--json"]],
    [["--server", "http://x:1", "discover", "-v"], "discover", ["--server", "http://x:1", "-v"]],
    [["train", "worker"], "train", ["worker"]],
    [["file.slp", "train"], undefined, ["file.slp", "train"]],
    [["--", "train"], undefined, ["--", "train"]],
    [[], undefined, []],
  ];
  for (const [args, name, rest] of cases) {
    const choice = chooseCommand(args);
    equal(choice.entry?.name, name, args.join(" "));
    equal(choice.rest.join(), rest.join());
  }
});

Deno.test("the overview names every command that is not hidden", async () => {
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const io = fakeIo();
    equal(await enter(args, io), 0);
    const text = io.outLines.join("\n");
    for (const { name, isHidden } of COMMANDS) {
      equal(text.includes(`\n  ${name} `), !isHidden, name);
    }
    equal(io.errLines.length, 0);
  }
});

Deno.test("every command has help with a purpose, examples and exit codes", async () => {
  for (const { name, purpose } of COMMANDS.filter((entry) => entry.name !== "completion")) {
    const io = fakeIo();
    equal(await enter([name, "--help"], io), 0, name);
    const text = io.outLines.join("\n");
    ok(text.startsWith(purpose), `${name} says its purpose as the overview does`);
    match(text, new RegExp(`Usage: sleap-rtc ${name}`));
    match(text, /\nExamples:\n {2}\S/);
    match(text, /\nExit codes:\n {4}0 {2}done\n(.*\n)* {4}2 {2}wrong arguments/);
  }
});

Deno.test("a misspelt command or option is refused with the right one", async () => {
  const cases: [string[], RegExp][] = [
    [["trian"], /got `trian`; did you mean `train`\?/],
    [["--verison"], /got `--verison`; did you mean `--version`\?/],
    [["discvoer", "--json"], /did you mean `discover`\?/],
    [["discover", "--stauts", "busy"], /"--stauts"[^]*`--status`/],
    [["train", "x.slp", "--epoch", "3"], /"--epoch"[^]*`--epochs`/],
    [["worker", "--gpu-memroy", "3"], /"--gpu-memroy"[^]*`--gpu-memory`/],
    [["signal", "--prot", "1"], /"--prot"[^]*`--port`/],
  ];
  for (const [args, message] of cases) {
    const io = fakeIo();
    equal(await enter(args, io), 2, args.join(" "));
    match(io.errLines.join("\n"), message);
    equal(io.outLines.length, 0, "data stays data");
  }
});

Deno.test("a wrong value names the option, what was wanted and what was got", async () => {
  const cases: [string[], RegExp][] = [
    [["train", "x.slp", "--epochs", "0"], /--epochs.*greater than or equal to 1.*"0"/],
    [["train", "x.slp", "--rtc", "fast"], /--rtc.*"auto", "native", and "werift".*"fast"/],
    [["signal", "--port", "http"], /--port.*integer.*"http"/],
    [["create-room", "--server", "http://127.0.0.1:9", "--ttl", "soon"], /--ttl, got `soon`/],
    [["extend-room", "--by", "1s"], /at least one minute.*--by, got `1s`/],
    [["discover", "--property", "cuda"], /--property, got `cuda`/],
  ];
  for (const [args, message] of cases) {
    const io = fakeIo({ env: { HOME: "." } });
    equal(await enter(args, io), 2, args.join(" "));
    match(io.errLines.join("\n"), message);
  }
});

Deno.test("secrets are refused among the arguments and never repeated", async () => {
  const lines = [
    ["discover", "--token", "hunter2"],
    ["discover", "--token=hunter2"],
    ["worker", "--secret", "hunter2"],
    ["extend-room", "--invite=hunter2"],
    ["--invite", "hunter2", "train", "x.slp"],
    ["train", "sleap1.hunter2"],
    ["worker", "--room-id", "sleap1.hunter2"],
  ];
  for (const args of lines) {
    const io = fakeIo();
    equal(await enter(args, io), 2, args.join(" "));
    const said = [...io.errLines, ...io.outLines].join("\n");
    match(said, /-file FILE.*can be read by everybody on this machine/);
    ok(!said.includes("hunter2"), said);
  }
});

Deno.test("no command and no room are refused with the next step", async () => {
  const empty = fakeIo();
  equal(await enter([], empty), 2);
  match(empty.errLines.join("\n"), /Usage: sleap-rtc COMMAND/);
  const roomless = fakeIo({ env: { SLEAP_RTC_HOME: "no-such-folder" } });
  equal(await enter(["discover", "--json"], roomless), 2);
  match(roomless.errLines.join("\n"), /got none; set SLEAP_RTC_INVITE or give --invite-file/);
  match(roomless.outLines.join("\n"), /^\{"ok":false,"error":"settings",.*"exit_code":2\}$/);
});

Deno.test("completion writes a script and completes commands and options", async () => {
  const script = fakeIo();
  equal(await enter(["completion", "bash"], script), 0);
  match(script.outLines.join("\n"), /complete .*sleap-rtc/);
  const words = fakeIo();
  equal(await enter(["completion", "bash", "discover", "--sta"], words), 0);
  equal(words.outLines.join("\n").trim(), "--status");
});
