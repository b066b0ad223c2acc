/**
 * What a subcommand is: a parser, help with examples and exit codes, and a run that ends in an exit
 * code. Knows how arguments are read and refused; knows no command.
 */

import { runParser } from "@optique/core/facade";
import { text } from "@optique/core/message";
import type { Parser } from "@optique/core/parser";
import type { Usage, UsageTerm } from "@optique/core/usage";
import { EXIT, EXIT_MEANINGS, exitCodeOfInterruption, type ExitName } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { cleanText } from "./terminal_text.ts";
import { verdictOf } from "./verdict.ts";

/** What is written down of a subcommand. */
export interface CommandDefinition<T extends object> {
  readonly name: string;
  /** One line. */
  readonly purpose: string;
  /** Each a whole command line. */
  readonly examples: readonly string[];
  /** The exit codes that it can end with, besides those that every command has. */
  readonly exits: readonly ExitName[];
  readonly parser: Parser<"sync", T, unknown>;
  /** Does it. What it throws is told to the person and becomes the exit code. */
  run(given: T, io: Io): Promise<number>;
}

/** A subcommand. */
export interface Command {
  readonly name: string;
  readonly purpose: string;
  readonly parser: Parser<"sync", object, unknown>;
  /** Reads `args` (those behind the subcommand's name), does it, and returns the exit code. */
  execute(args: readonly string[], io: Io): Promise<number>;
}

const EXITS_OF_ALL: readonly ExitName[] = ["ok", "usage", "fault", "interrupted"];
const SECRET_FLAG = /^--(invite|token|secret)(=|$)/;
/** The narrowest that help is laid out for. Lower: columns of single words. */
const HELP_COLUMNS_MIN = 60;

/** Makes a subcommand of its definition. */
export function defineCommand<T extends object>(definition: CommandDefinition<T>): Command {
  return {
    name: definition.name,
    purpose: definition.purpose,
    parser: definition.parser,
    execute: (args, io) => execute(definition, args, io),
  };
}

async function execute<T extends object>(
  definition: CommandDefinition<T>,
  args: readonly string[],
  io: Io,
): Promise<number> {
  const secret = secretIn(args);
  if (secret !== undefined) {
    io.err(`Error: ${secret}`);
    return EXIT.usage;
  }
  let ended: number | undefined;
  const given = runParser(definition.parser, `sleap-rtc ${definition.name}`, args, {
    colors: io.isColored,
    maxWidth: Math.max(HELP_COLUMNS_MIN, io.columns),
    termWidth: "auto",
    showDefault: true,
    showChoices: true,
    brief: [text(definition.purpose)],
    usageLine: shortUsage(definition.parser.usage),
    help: {
      option: { names: ["--help", "-h"] },
      onShow: () => {
        // Printed by ourselves: command lines and columns must not be wrapped.
        for (const line of helpTail(definition)) io.out(line);
        ended = EXIT.ok;
      },
    },
    aboveError: "none",
    stdout: io.out,
    stderr: io.err,
    onError: () => void (ended = EXIT.usage),
  });
  if (ended !== undefined) {
    if (ended !== EXIT.ok) io.err(`See \`sleap-rtc ${definition.name} --help\``);
    return ended;
  }
  try {
    return await definition.run(given, io);
  } catch (error) {
    // Nobody reads any more, and so nobody is there to be told.
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    return await tell(error, given, io);
  }
}

async function tell(error: unknown, given: object, io: Io): Promise<number> {
  const isJson = "json" in given && given.json === true;
  const interruption = io.interruption();
  const verdict = interruption.aborted
    ? {
      exitCode: exitCodeOfInterruption(interruption),
      kind: "interrupted",
      message: "Interrupted",
    }
    : await verdictOf(error);
  if (isJson) {
    const { exitCode, kind, message } = verdict;
    io.out(JSON.stringify({ ok: false, error: kind, message, exit_code: exitCode }));
  }
  io.err(interruption.aborted ? verdict.message : `Error: ${verdict.message}`);
  if (verdict.kind === "fault" && error instanceof Error && error.stack !== undefined) {
    for (const line of error.stack.split("\n")) io.err(cleanText(line));
  }
  return verdict.exitCode;
}

/** Why these arguments cannot be taken, where one of them is a secret. Never repeats it. */
function secretIn(args: readonly string[]): string | undefined {
  const everybody = "a secret among the arguments can be read by everybody on this machine";
  for (const word of args) {
    const flag = SECRET_FLAG.exec(word)?.[1];
    if (flag !== undefined) {
      return `Expected --${flag}-file FILE (or - for the standard input), got --${flag}: ${everybody}`;
    }
    if (word.includes("sleap1.")) {
      return `Expected --invite-file FILE or SLEAP_RTC_INVITE, got an invite: ${everybody}; if you have just typed one, make a new room`;
    }
  }
  return undefined;
}

/** What must be given, and `[OPTION]...` in place of all that may be. */
function shortUsage(usage: Usage): Usage {
  const options: UsageTerm = { type: "literal", value: "[OPTION]..." };
  return [options, ...usage.filter(({ type }) => type !== "optional" && type !== "multiple")];
}

function helpTail({ examples, exits }: Pick<CommandDefinition<object>, "examples" | "exits">) {
  const codes = [...new Set([...EXITS_OF_ALL, ...exits])]
    .sort((one, other) => EXIT[one] - EXIT[other])
    .map((name) => `  ${String(EXIT[name]).padStart(3)}  ${EXIT_MEANINGS[name]}`);
  return [
    "",
    "Examples:",
    ...examples.map((example) => `  ${example}`),
    "",
    "Exit codes:",
    ...codes,
  ];
}
