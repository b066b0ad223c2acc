/** The terminal while `top` holds it, and after. */

import { deepEqual, equal, match, throws } from "node:assert/strict";
import { holdTerminal, type Keyboard } from "../../lib/cli/terminal_hold.ts";
import { TopScreen } from "../../lib/cli/top_screen.ts";
import type { TopView } from "../../lib/cli/top_view.ts";
import { fakeIo } from "./fake_io.ts";
import { fullRoom } from "./top_stage.ts";

/** A keyboard that is told what is pressed. */
function keyboard(isTerminal = true) {
  const raw: boolean[] = [];
  let pressed = Promise.withResolvers<string>();
  const fake: Keyboard = {
    isTerminal: () => isTerminal,
    setRaw: (isRaw) => void raw.push(isRaw),
    read: async (buffer) => {
      const text = await pressed.promise;
      pressed = Promise.withResolvers<string>();
      return new TextEncoder().encodeInto(text, buffer).written;
    },
  };
  return {
    fake,
    raw,
    press: (text: string) => pressed.resolve(text),
    fail: (error: Error) => pressed.reject(error),
  };
}

function held(keys = keyboard()) {
  const drawn: string[] = [];
  const heard: unknown[] = [];
  const end: { release?: () => void } = {};
  const hold = holdTerminal({
    keyboard: keys.fake,
    draw: (text) => void drawn.push(text),
    atEnd: (release) => {
      end.release = release;
      return () => delete end.release;
    },
  }, { key: (text) => heard.push(text), failed: (error) => heard.push(error) });
  return { ...keys, drawn, heard, end, hold };
}

Deno.test("the terminal is given back once, by the release or by the end of the process", () => {
  for (const isEnd of [false, true]) {
    const { drawn, raw, end, hold } = held();
    if (isEnd) end.release?.();
    else hold.release();
    hold.release();
    deepEqual(drawn, ["\u001b[?1049h\u001b[?25l\u001b[2J", "\u001b[?25h\u001b[?1049l"]);
    deepEqual(raw, [true, false]);
    equal(end.release, undefined);
  }
});

Deno.test("a terminal that cannot be taken is left as it was", () => {
  const keys = keyboard();
  const raw: boolean[] = [];
  const broken: Keyboard = {
    ...keys.fake,
    setRaw: (isRaw) => {
      raw.push(isRaw);
      if (isRaw) throw new Error("no such mode");
    },
  };
  throws(() => held({ ...keys, fake: broken }), /no such mode/);
  deepEqual(raw, [true, false]);
});

Deno.test("keys are heard until the release, and a broken keyboard is told", async () => {
  const { heard, hold, press } = held();
  press("ab");
  await new Promise((resolve) => setTimeout(resolve, 0));
  hold.release();
  press("q");
  await new Promise((resolve) => setTimeout(resolve, 0));
  deepEqual(heard, ["ab"]);

  const other = held();
  const error = new Error("gone");
  other.fail(error);
  await new Promise((resolve) => setTimeout(resolve, 0));
  deepEqual(other.heard, [error]);
});

Deno.test("without a keyboard the room is shown all the same", () => {
  const { raw, drawn, hold } = held(keyboard(false));
  hold.release();
  deepEqual([raw.length, drawn.length], [0, 2]);
});

function show(view: () => TopView) {
  const io = fakeIo({ isTerminal: true, columns: 80, rows: 12 });
  let now = 0;
  const ends: unknown[] = [];
  const screen = new TopScreen(io, {
    clock: { now: () => now },
    view,
    left: () => ends.push("left"),
    failed: (error) => ends.push(error),
  });
  const later = () => {
    now += 1_000;
    screen.update();
  };
  return { io, screen, ends, later };
}

Deno.test("q and Ctrl-C leave, other keys do not, and the terminal is given back", () => {
  const { io, screen, ends } = show(() => fullRoom());
  for (const key of ["x", "\u001b[A", "q", "Q", "\u0003"]) io.keyboard?.key(key);
  deepEqual(ends, ["left", "left", "left"]);
  screen.close();
  equal(io.keyboard, undefined);
});

Deno.test("the page is drawn within the screen, and again only when it is another", () => {
  let view = fullRoom();
  const { io, screen, later } = show(() => view);
  equal(io.drawn.length, 1);
  // deno-lint-ignore no-control-regex -- the cursor's movements are what is checked
  match(io.drawn[0] ?? "", /^\u001b\[H3 workers[^]*\u001b\[J$/);
  equal((io.drawn[0] ?? "").split("\r\n").length, 12);
  later();
  equal(io.drawn.length, 1);
  view = fullRoom({ trouble: "lost" });
  later();
  equal(io.drawn.length, 2);
  match(io.drawn[1] ?? "", /Looking for another worker: lost/);
  screen.close();
});
