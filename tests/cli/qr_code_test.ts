import { deepEqual, equal, match } from "node:assert/strict";
import { encode } from "uqr";
import { qrLines } from "../../lib/cli/qr_code.ts";

const INVITE = `sleap1.${"x".repeat(180)}`;

/** Which modules the characters show as dark. */
function darkModules(lines: readonly string[]): boolean[][] {
  return lines.flatMap((line) => [
    [...line].map((letter) => letter === " " || letter === "▄"),
    [...line].map((letter) => letter === " " || letter === "▀"),
  ]);
}

Deno.test("a QR code shows every module of its text, with light around it", () => {
  const [blank, ...lines] = qrLines(INVITE, { columns: 80, isColored: false });
  equal(blank, "");
  const shown = darkModules(lines);
  const { data, size } = encode(INVITE, { ecc: "L", border: 2 });
  deepEqual(shown.slice(0, size), data);
  equal(shown.slice(size).flat().includes(true), false, "an odd last row is followed by light");
  equal(shown[1]?.includes(true), false, "the border is light");
  equal(shown[2]?.slice(2, 9).every((isDark) => isDark), true, "the upper left finder begins");
  equal(lines.length, Math.ceil(size / 2));
});

Deno.test("a QR code has colours of its own where there are any, and is left out where it does not fit", () => {
  const colored = qrLines(INVITE, { columns: 80, isColored: true });
  // deno-lint-ignore no-control-regex -- colours are control characters
  for (const line of colored.slice(1)) match(line, /^\u001b\[97;40m.*\u001b\[0m$/);
  deepEqual(qrLines(INVITE, { columns: 20, isColored: true }).length, 2);
  match(qrLines(INVITE, { columns: 20, isColored: false })[1] ?? "", /takes \d+ columns.*are 20/);
});
