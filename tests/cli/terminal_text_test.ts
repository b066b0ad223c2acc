/** Text on its way to a screen: no stranger moves the cursor. */

import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  cleanText,
  fitText,
  jsonText,
  paint,
  widthOf,
  wrapText,
} from "../../lib/cli/terminal_text.ts";

Deno.test("harmful characters are removed or made visible", () => {
  const cases: [string, string][] = [
    ["plain text", "plain text"],
    ["Jürgen 東京 🐭", "Jürgen 東京 🐭"],
    ["\u001b[31mred\u001b[0m", "red"],
    ["\u001b[2J\u001b[H", ""],
    ["\u009b31mred", "red"],
    ["\u001b]0;title\u0007x", "x"],
    ["\u001bcreset", "�creset"],
    ["bell\u0007 back\b", "bell� back�"],
    ["two\nlines\ttab\rreturn", "two lines tab�return"],
    ["gpu\u202egnp.exe", "gpu�gnp.exe"],
    ["zero\u200bwidth\ufeff", "zero�width�"],
    ["half \ud800 pair", "half � pair"],
    ["e\u0301\u0301\u0301\u0301", "e\u0301\u0301"],
  ];
  for (const [text, wanted] of cases) equal(cleanText(text), wanted, JSON.stringify(text));
});

Deno.test("whatever comes in, no control character comes out", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    // deno-lint-ignore no-control-regex -- control characters are what is sought
    const control = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;
    ok(!control.test(cleanText(text)));
    ok(!control.test(jsonText({ text })));
    deepEqual(JSON.parse(jsonText({ text })), { text });
  }));
});

Deno.test("text is cut to the columns there are", () => {
  const cases: [string, number, string][] = [
    ["short", 5, "short"],
    ["longer", 5, "long…"],
    ["東京都", 5, "東京…"],
    ["東京都", 4, "東…"],
    ["x", 0, ""],
  ];
  for (const [text, columns, wanted] of cases) {
    equal(fitText(text, columns), wanted);
    ok(widthOf(fitText(text, columns)) <= columns);
  }
});

Deno.test("styles are left out where there are no colours", () => {
  equal(paint("x", "red", false), "x");
  equal(paint("x", "red", true), "\u001b[31mx\u001b[0m");
});

Deno.test("text is broken between words, and later lines are indented", () => {
  const cases: [string, number, string[]][] = [
    ["", 10, [""]],
    ["one two", 10, ["one two"]],
    ["one two three", 8, ["one two", "  three"]],
    ["  a list of things", 9, ["  a list", "  of", "  things"]],
    ["two  spaces stay", 11, ["two  spaces", "  stay"]],
    ["incomprehensible", 5, ["incomprehensible"]],
  ];
  for (const [text, columns, wanted] of cases) deepEqual(wrapText(text, columns), wanted);
});
