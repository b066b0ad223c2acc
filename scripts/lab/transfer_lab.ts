/** Two processes that send files to each other, for benches and crash tests. Knows how to carry signals. */

import { join } from "node:path";
import type { RtcChoice } from "../../lib/runtime/config.ts";
import { type Line, Program } from "./program.ts";
import { V8_FLAGS } from "./v8_flags.ts";

/** For a process to come up; a sender also digests its files. */
const START_MS = 600_000;
const SIGNAL_MS = 30_000;
const ATTEMPTS_MAX = 10;

/** As the binary and `deno task start` have it: else V8 lets garbage grow to 48 MB before it looks. */
const ENVIRONMENT = { DENO_V8_FLAGS: V8_FLAGS };

/** The two ends. */
export type TransferRole = "sender" | "receiver";

/** A folder of files, and two processes that bring it from one place to the other. */
export class TransferLab implements AsyncDisposable {
  readonly #folder: string;
  readonly #programs = new Map<TransferRole, Program>();
  readonly #started: Program[] = [];
  #links = 0;

  /** @param folder With the files in its folder `from`; they come to stand in `to/files`. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts one of the two, again if it was started before. */
  async start(role: TransferRole, rtc: RtcChoice): Promise<Line> {
    const program = new Program({
      script: join("scripts", "lab", "transfer_peer.ts"),
      args: [role, rtc, join(this.#folder, role === "sender" ? "from" : "to")],
      env: ENVIRONMENT,
      cwd: this.#folder,
    });
    this.#programs.set(role, program);
    this.#started.push(program);
    return await program.line(({ event }) => event === "ready", "that it is ready", START_MS);
  }

  /** One of the two, as it runs now. */
  of(role: TransferRole): Program {
    const program = this.#programs.get(role);
    if (program === undefined) throw new Error(`Expected a ${role} that was started`);
    return program;
  }

  /** Lets the two meet on a new link, in as many attempts as it takes. Gives its id. */
  async meet(what: { word: "meet" } | { word: "bare"; bytes: number }): Promise<string> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const link = `link${this.#links++}`;
      const [sender, receiver] = [this.of("sender"), this.of("receiver")];
      const [ours, theirs] = [carry(sender, receiver, link), carry(receiver, sender, link)];
      // The answerer first, so that it is there when the offer comes.
      await receiver.say(JSON.stringify({ ...what, link }));
      await sender.say(JSON.stringify({ ...what, link }));
      if ((await Promise.all([ours, theirs])).every(Boolean)) return link;
    }
    throw new Error(`Expected the two to meet, got no link in ${ATTEMPTS_MAX} attempts`);
  }

  /** What one of the two says of how the transfer on `link` ended for it. */
  async ended(role: TransferRole, link: string, limitMs: number): Promise<Line> {
    const isEnd = ({ event, link: on }: Line) =>
      (event === "done" || event === "failed") && on === link;
    return await this.of(role).line(isEnd, `how ${link} ended`, limitMs);
  }

  /** What one of the two has used so far. */
  async facts(role: TransferRole): Promise<Line> {
    const program = this.of(role);
    const from = program.lines.length;
    await program.say(JSON.stringify({ word: "facts" }));
    return await program.line(({ event }) => event === "facts", "its facts", SIGNAL_MS, from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#started) program.signal("SIGKILL");
    await Promise.all(this.#started.map((program) => program.end()));
  }
}

/** Carries what `from` signals to `to`, until `link` is open for `from`. Gives whether that came about. */
async function carry(from: Program, to: Program, link: string): Promise<boolean> {
  for (let at = from.lines.length;;) {
    const isNews = ({ event, link: on }: Line) =>
      event === "signal" || on === link && (event === "opened" || event === "closed");
    const line = await from.line(isNews, "a signal", SIGNAL_MS, at);
    at = from.lines.indexOf(line, at) + 1;
    if (line["event"] !== "signal") return line["event"] === "opened";
    await to.say(JSON.stringify({ word: "signal", signal: line["signal"] }));
  }
}
