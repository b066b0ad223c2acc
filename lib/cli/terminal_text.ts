/** Text on its way to a screen: what strangers wrote is made harmless, and what is too wide is cut. */

/** Characters that move the cursor, change colours, hide text or turn its direction round. */
const HARMFUL =
  // deno-lint-ignore no-control-regex -- control characters are what is sought
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udfff]/gu;
/** Sequences that colour text or move the cursor (ECMA-48 5.4), and titles of the window. */
const SEQUENCE =
  // deno-lint-ignore no-control-regex -- control characters are what is sought
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;
const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}\uff01-\uff60]/u;
const COMBINING = /\p{Mark}/u;
/** Marks on one letter that are kept. More of them paint over the lines around. */
const MARKS_MAX = 2;

/**
 * `text` on one line, without colours, and with every other character that is not plainly visible
 * made visible as `�`.
 */
export function cleanText(text: string): string {
  return text.replace(SEQUENCE, "").replaceAll("\t", " ").replace(/\r?\n/g, " ").replace(
    HARMFUL,
    "�",
  )
    .replace(/(\p{Mark}+)/gu, (marks) => Array.from(marks).slice(0, MARKS_MAX).join(""));
}

/** `value` as JSON on one line, in which harmful characters stand escaped: programs read the same. */
export function jsonText(value: unknown): string {
  return escapeHarmful(JSON.stringify(value));
}

/** JSON with its harmful characters escaped. */
export function escapeHarmful(json: string): string {
  return json.replace(
    HARMFUL,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Columns that clean text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const letter of text) width += COMBINING.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1;
  return width;
}

/** Clean text cut to `columns`, with `…` in place of what is missing. */
export function fitText(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const letter of text) {
    width += widthOf(letter);
    if (width > columns - 1) break;
    kept += letter;
  }
  return columns < 1 ? "" : `${kept}…`;
}

/**
 * Clean text as lines of at most `columns`, broken between words, all but the first indented. A word
 * that is longer is left whole.
 */
export function wrapText(text: string, columns: number): string[] {
  const [first = "", ...words] = text.split(/(?<=\S) /);
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (widthOf(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(`  ${word}`);
  }
  return lines;
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
/** How text may look. */
export type Style = keyof typeof STYLES;

/** `text` in a style, where the screen has colours. */
export function paint(text: string, style: Style, isColored: boolean): string {
  return isColored && text !== "" ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}
