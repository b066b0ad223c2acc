import { deepEqual, equal } from "node:assert/strict";
import { OUTPUT_LINE_LENGTH_MAX, OutputLines, printable } from "../../lib/job/output_lines.ts";

const outputs: [string, string[], [string, boolean][]][] = [
  ["whole lines", ["a\nb\n"], [["a", false], ["b", false]]],
  ["a line in pieces", ["he", "llo\nwor", "ld"], [["hello", false], ["world", false]]],
  ["Windows line ends, cut in the middle", ["a\r", "\nb\r\n"], [["a", false], ["b", false]]],
  ["blank lines", ["a\n\n\nb\n"], [["a", false], ["b", false]]],
  ["a bar within one piece", ["1%\r2%\r3%\n"], [["3%", false]]],
  ["a bar over several pieces", ["1%\r2%\r", "3%\r4%\r", "100%\ndone\n"], [
    ["2%", false],
    ["4%", true],
    ["100%", true],
    ["done", false],
  ]],
  ["a bar that begins with its return", ["\r1%", "\r2%", "\n"], [["1%", false], ["2%", true]]],
  ["colours and cursors", ["\u001b[31mred\u001b[0m\u001b[2K\u001b[1A!\n"], [["red!", false]]],
];

for (const [what, chunks, lines] of outputs) {
  Deno.test(`output becomes lines: ${what}`, () => {
    const output = new OutputLines();
    const got = [...chunks.flatMap((chunk) => output.push(chunk)), ...output.end()];
    deepEqual(got.map(({ text, isRedrawn }) => [text, isRedrawn]), lines);
  });
}

Deno.test("output without an end is held and shown in bounds", () => {
  const output = new OutputLines();
  for (let piece = 0; piece < 100; piece++) output.push("x".repeat(1_000));
  const [line] = output.push("\n");
  equal(line?.text, `${"x".repeat(OUTPUT_LINE_LENGTH_MAX)}…`);
});

const texts: [string, string][] = [
  ["plain, with a\ttab", "plain, with a\ttab"],
  ["\u0007bell \u0000nought \u009bescape", "bell nought escape"],
  ["\u001b]0;title\u0007after", "after"],
  ["\u001b]8;;https://example.org\u001b\\link\u001b]8;;\u001b\\", "link"],
  ["\u001b(Bcharset", "charset"],
  ["abc\u202ecba", "abccba"],
  ["Größe 日本語 🐭", "Größe 日本語 🐭"],
];
for (const [text, shown] of texts) {
  Deno.test(`what is shown of ${JSON.stringify(text)}`, () => equal(printable(text), shown));
}
