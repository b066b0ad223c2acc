/** The command `completion`: the script that lets a shell complete commands and options. */

import { or } from "@optique/core/constructs";
import { runParser } from "@optique/core/facade";
import { text } from "@optique/core/message";
import { object } from "@optique/core/constructs";
import { command } from "@optique/core/primitives";
import type { Command } from "./command.ts";
import { COMMANDS } from "./command_list.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";

const NAME = "completion";
const PURPOSE = "Write the completion script of a shell";

/**
 * `sleap-rtc completion bash|zsh|fish|nu|pwsh`. The script calls the same command with the words
 * typed so far, so its arguments belong to no fixed parser.
 */
export const completionCommand: Command = {
  name: NAME,
  purpose: PURPOSE,
  parser: object({}),
  async execute(args: readonly string[], io: Io): Promise<number> {
    let ended: number = EXIT.ok;
    const loaded = COMMANDS.filter(({ name, isHidden }) => !isHidden && name !== NAME)
      .map(async ({ load }) => {
        const { name, purpose, parser } = await load();
        return command(name, parser, { brief: [text(purpose)] });
      });
    runParser(or(...await Promise.all(loaded)), "sleap-rtc", [NAME, ...args], {
      completion: { command: true, onShow: () => void (ended = EXIT.ok) },
      help: { option: { names: ["--help", "-h"] }, onShow: () => void (ended = EXIT.ok) },
      brief: [text(PURPOSE)],
      aboveError: "none",
      colors: io.isColored,
      stdout: io.out,
      stderr: io.err,
      onError: () => void (ended = EXIT.usage),
    });
    return ended;
  },
};
