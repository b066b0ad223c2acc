/** QR codes of characters, for a camera before a terminal. The one importer of `uqr`. */

import { encode } from "uqr";

/** Light modules around the code. The standard (ISO/IEC 18004) wants 4; cameras take 2. */
const BORDER = 2;
/** Two modules, one above the other, as one character: those that are light are filled. */
const UPPER_LIGHT = "▀";
const LOWER_LIGHT = "▄";
const BOTH_LIGHT = "█";
const BOTH_DARK = " ";

/**
 * `text` as a QR code, or a line that says why there is none: cut off it would be of no use. Where
 * there are colours it is white on black, whatever the terminal's own are.
 */
export function qrLines(
  text: string,
  { columns, isColored }: { readonly columns: number; readonly isColored: boolean },
): string[] {
  const { data, size } = encode(text, { ecc: "L", border: BORDER });
  if (size > columns) {
    return ["", `(The invite's QR code takes ${size} columns, and here are ${columns})`];
  }
  const lines = [""];
  for (let row = 0; row < size; row += 2) {
    let line = "";
    for (let column = 0; column < size; column++) {
      const isUpperDark = data[row]?.[column] ?? false;
      // Below the last row is the border's light, too.
      const isLowerDark = data[row + 1]?.[column] ?? false;
      line += isUpperDark
        ? isLowerDark ? BOTH_DARK : LOWER_LIGHT
        : isLowerDark
        ? UPPER_LIGHT
        : BOTH_LIGHT;
    }
    lines.push(isColored ? `\u001b[97;40m${line}\u001b[0m` : line);
  }
  return lines;
}
