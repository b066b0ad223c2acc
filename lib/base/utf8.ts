/** Text as bytes. Limits count bytes: a text may have three times as many as characters. */

const encoder = new TextEncoder();

/** The bytes of `text` as UTF-8. */
export function utf8Length(text: string): number {
  return encoder.encode(text).length;
}
