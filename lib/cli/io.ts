/** What a command may touch of the process that it runs in, so that tests can give it something else. */

import { holdTerminal, type TerminalHold, type TerminalListener } from "./terminal_hold.ts";

/** Where a command's lines go. */
export interface Writers {
  /** Writes one line of data. */
  out(line: string): void;
  /** Writes one line for the person: progress, notes, errors. */
  err(line: string): void;
}

/** What a command may touch of its process. */
export interface Io extends Writers {
  /** Writes text as it is, to move the cursor. Only where {@linkcode Io.isTerminal} holds. */
  draw(text: string): void;
  /** Reads one environment variable. */
  env(name: string): string | undefined;
  /** Reads all of the standard input. */
  stdin(): Promise<string>;
  /** Whether data goes to a terminal that has a width. Batch schedulers offer some of zero columns. */
  readonly isTerminal: boolean;
  /** Whether the lines for the person go to a terminal. */
  readonly isErrTerminal: boolean;
  /** Whether colours may be used. */
  readonly isColored: boolean;
  /** Width in characters; 80 where there is no terminal. */
  readonly columns: number;
  /** Height in lines; 24 where there is no terminal. */
  readonly rows: number;
  /**
   * Aborted with the reason `SIGINT` or `SIGTERM` at the first of them; a second one ends the process.
   * Before the first call these signals end the process as they always do.
   */
  interruption(): AbortSignal;
  /**
   * Aborted at the second of these signals, for a command that has something to bring to its end
   * then; a third one ends the process. To be called before the second one comes.
   */
  insistence(): AbortSignal;
  /** Takes the whole terminal. Only where {@linkcode Io.isTerminal} holds. */
  holdTerminal(listener: TerminalListener): TerminalHold;
}

/** Bytes that are read of the standard input. Higher: a wrong pipe is read for longer. */
const STDIN_BYTES_MAX = 1024 * 1024;
const COLUMNS_DEFAULT = 80;
const ROWS_DEFAULT = 24;

/** The process that this is. */
export function systemIo(): Io {
  const encoder = new TextEncoder();
  const hasSize = terminalSize().columns > 0;
  const isTerminal = Deno.stdout.isTerminal() && hasSize;
  const noColor = Deno.env.get("NO_COLOR") ?? "";
  const write = (stream: { writeSync(bytes: Uint8Array): number }, text: string) => {
    let rest = encoder.encode(text);
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  };
  let interruption: AbortSignal | undefined;
  let insistence: AbortController | undefined;
  return {
    out: (line) => write(Deno.stdout, `${line}\n`),
    err: (line) => write(Deno.stderr, `${line}\n`),
    draw: (text) => write(Deno.stdout, text),
    env: (name) => Deno.env.get(name),
    stdin: readStdin,
    isTerminal,
    isErrTerminal: Deno.stderr.isTerminal() && hasSize,
    isColored: isTerminal && noColor === "" && Deno.env.get("TERM") !== "dumb",
    // Asked each time: windows change their size.
    get columns() {
      return terminalSize().columns || COLUMNS_DEFAULT;
    },
    get rows() {
      return terminalSize().rows || ROWS_DEFAULT;
    },
    interruption: () => interruption ??= listen(() => insistence),
    insistence: () => (insistence ??= new AbortController()).signal,
    holdTerminal: (listener) =>
      holdTerminal({
        keyboard: Deno.stdin,
        draw: (text) => write(Deno.stdout, text),
        atEnd: (release) => {
          globalThis.addEventListener("unload", release);
          return () => globalThis.removeEventListener("unload", release);
        },
      }, listener),
  };
}

function terminalSize(): { columns: number; rows: number } {
  if (!Deno.stdout.isTerminal() && !Deno.stderr.isTerminal()) return { columns: 0, rows: 0 };
  try {
    return Deno.consoleSize();
  } catch {
    // A stream may claim to be a terminal and yet have no size; it is treated as none.
    return { columns: 0, rows: 0 };
  }
}

async function readStdin(): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of Deno.stdin.readable) {
    bytes += piece.length;
    if (bytes > STDIN_BYTES_MAX) {
      throw new Error(`Expected at most ${STDIN_BYTES_MAX} bytes on the standard input, got more`);
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function listen(insistence: () => AbortController | undefined): AbortSignal {
  const controller = new AbortController();
  const onSignal = (name: "SIGINT" | "SIGTERM") => () => {
    if (!controller.signal.aborted) return controller.abort(name);
    const second = insistence();
    if (second === undefined || second.signal.aborted) Deno.exit(name === "SIGINT" ? 130 : 143);
    second.abort(name);
  };
  Deno.addSignalListener("SIGINT", onSignal("SIGINT"));
  // Windows has no SIGTERM to listen for.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal("SIGTERM"));
  return controller.signal;
}
