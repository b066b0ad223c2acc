/** From a command line to an exit code. Knows which command is meant; loads only that one. */

import { chooseCommand, COMMANDS, overviewLines } from "./command_list.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { cleanText } from "./terminal_text.ts";

/** Runs the command that `args` name and returns its exit code. */
export async function enter(args: readonly string[], io: Io): Promise<number> {
  const { entry, stranger, rest } = chooseCommand(args);
  if (entry !== undefined) return await (await entry.load()).execute(rest, io);
  if (stranger === "help" || (stranger === undefined && hasOne(rest, "--help", "-h"))) {
    for (const line of overviewLines()) io.out(line);
    return EXIT.ok;
  }
  if (stranger === undefined && hasOne(rest, "--version", "-V")) {
    const { SOFTWARE_VERSION } = await import("../protocol/version.ts");
    io.out(SOFTWARE_VERSION);
    return EXIT.ok;
  }
  const wrong = stranger ?? rest[0];
  if (wrong === undefined) {
    for (const line of overviewLines()) io.err(line);
    return EXIT.usage;
  }
  const { findSimilar } = await import("@optique/core/suggestion");
  const known = [...COMMANDS.map(({ name }) => name), "--help", "--version"];
  const [similar] = findSimilar(wrong, known, { maxDistance: 3 });
  const hint = similar === undefined ? "" : `; did you mean \`${similar}\`?`;
  io.err(`Error: Expected a command, got \`${cleanText(wrong)}\`${hint}`);
  io.err("See `sleap-rtc --help`");
  return EXIT.usage;
}

function hasOne(words: readonly string[], ...wanted: readonly string[]): boolean {
  return words.some((word) => wanted.includes(word));
}
