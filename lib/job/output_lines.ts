/** A trainer's output as lines that are safe to show. Knows text, not processes. */

/** A line of a trainer's output, safe to show. */
export interface OutputLine {
  readonly text: string;
  /** Whether it takes the place of the line before: a progress bar redraws itself. */
  readonly isRedrawn: boolean;
}

/** Characters of a line that are kept. Higher: more to send; lower: tracebacks lose their ends. */
export const OUTPUT_LINE_LENGTH_MAX = 4_096;

/**
 * Cuts output into lines, wherever its pieces are cut. Of what carriage returns overwrite within one
 * piece only the last state is kept, so that a progress bar costs a line a piece, not thousands.
 */
export class OutputLines {
  #current = "";
  /** Whether the next character begins the line anew. */
  #isReturned = false;
  #isBar = false;
  /** The state of this line that was handed out already. */
  #shown: string | undefined;

  /** The lines that `text` completes, and the latest state of one that is being redrawn. */
  push(text: string): OutputLine[] {
    const lines: OutputLine[] = [];
    for (const [piece] of text.matchAll(/\r|\n|[^\r\n]+/g)) {
      if (piece === "\n") {
        lines.push(...this.end());
      } else if (piece === "\r") {
        this.#isReturned = true;
        this.#isBar = true;
      } else {
        const line = this.#isReturned ? piece : this.#current + piece;
        this.#current = line.slice(0, OUTPUT_LINE_LENGTH_MAX + 1);
        this.#isReturned = false;
      }
    }
    if (this.#isBar && this.#current !== "") lines.push(...this.#show());
    return lines;
  }

  /** The last line, where the trainer ended without closing it. */
  end(): OutputLine[] {
    const lines = this.#current === "" ? [] : this.#show();
    this.#current = "";
    this.#isReturned = false;
    this.#isBar = false;
    this.#shown = undefined;
    return lines;
  }

  #show(): OutputLine[] {
    if (this.#current === this.#shown) return [];
    const line = { text: bounded(printable(this.#current)), isRedrawn: this.#shown !== undefined };
    this.#shown = this.#current;
    return [line];
  }
}

function bounded(text: string): string {
  return text.length <= OUTPUT_LINE_LENGTH_MAX ? text : `${text.slice(0, OUTPUT_LINE_LENGTH_MAX)}…`;
}

/**
 * `text` without what could move a cursor, recolour a terminal or turn the reading direction: escape
 * sequences (ECMA-48), control characters but the tab, and bidirectional overrides.
 */
export function printable(text: string): string {
  return text
    // deno-lint-ignore no-control-regex -- control characters are what is removed
    .replace(/\u001b\][^\u0007\u001b]*(\u0007|\u001b\\)?/g, "")
    // deno-lint-ignore no-control-regex -- control characters are what is removed
    .replace(/\u001b\[[0-?]*[ -/]*[@-~]|\u001b[ -/]*[0-~]/g, "")
    // deno-lint-ignore no-control-regex -- control characters are what is removed
    .replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "");
}
