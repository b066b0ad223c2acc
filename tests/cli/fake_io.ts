/** A process that is none: what commands print is kept, what they ask for is given. */

import type { Io } from "../../lib/cli/io.ts";
import type { TerminalListener } from "../../lib/cli/terminal_hold.ts";

/** What a test may choose. */
export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly isTerminal?: boolean;
  readonly isColored?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** An {@linkcode Io} that keeps what it is given. */
export interface FakeIo extends Io {
  readonly outLines: string[];
  readonly errLines: string[];
  readonly drawn: string[];
  /** Who hears the keyboard, while the terminal is held. */
  keyboard: TerminalListener | undefined;
  readonly controller: AbortController;
}

/** Makes one. Without options it is no terminal, has no environment and an empty standard input. */
export function fakeIo(options: FakeIoOptions = {}): FakeIo {
  const outLines: string[] = [];
  const errLines: string[] = [];
  const drawn: string[] = [];
  const controller = new AbortController();
  const io: FakeIo = {
    keyboard: undefined,
    holdTerminal: (listener) => {
      io.keyboard = listener;
      return { release: () => void (io.keyboard = undefined) };
    },
    outLines,
    errLines,
    drawn,
    controller,
    out: (line) => void outLines.push(line),
    err: (line) => void errLines.push(line),
    draw: (text) => void drawn.push(text),
    env: (name) => options.env?.[name],
    stdin: () => Promise.resolve(options.stdin ?? ""),
    isTerminal: options.isTerminal ?? false,
    isErrTerminal: options.isTerminal ?? false,
    isColored: options.isColored ?? false,
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
    interruption: () => controller.signal,
    insistence: () => new AbortController().signal,
  };
  return io;
}
