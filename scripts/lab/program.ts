/** This program as a process: started with arguments and an environment, watched line by line, ended. */

import { selfCommand } from "../../lib/runtime/self_command.ts";

/** One line of JSON that a process printed. */
export type Line = Readonly<Record<string, unknown>>;

/** How a process is started. */
export interface ProgramOptions {
  /** A compiled program; this one's sources by Deno where left out. */
  readonly bin?: string | undefined;
  /** A script of this tree to run instead of the program; it may be spoken to. */
  readonly script?: string | undefined;
  /** What starts it, with arguments that come before it, as `ip netns exec NAME`; must not fork. */
  readonly within?: readonly string[] | undefined;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** Characters of each stream that are kept. Higher: memory; lower: the start of a long log is lost. */
const TEXT_LENGTH_MAX = 1_000_000;

/** A running program whose output is lines of JSON. */
export class Program {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Line[] = [];
  readonly #text = { stdout: "", stderr: "" };
  readonly #listeners = new Set<() => void>();
  readonly #read: Promise<unknown>;
  readonly #isSpokenTo: boolean;
  #ended = false;

  constructor({ args, env, cwd, bin, script, within = [] }: ProgramOptions) {
    const { executable, leading } = bin === undefined
      ? selfCommand(script)
      : { executable: bin, leading: [] };
    const [first, ...rest] = [...within, executable, ...leading, ...args];
    this.#child = new Deno.Command(first ?? executable, {
      args: rest,
      clearEnv: true,
      env: { ...foreignEnvironment(), ...env },
      cwd,
      stdin: script === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#isSpokenTo = script !== undefined;
    this.#read = Promise.all([
      this.#collect("stdout", this.#child.stdout),
      this.#collect("stderr", this.#child.stderr),
    ]);
    this.#child.status.then(() => {
      this.#ended = true;
      this.#changed();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How it ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** Everything that it has printed as JSON so far. */
  get lines(): readonly Line[] {
    return this.#lines;
  }

  /** The last {@linkcode TEXT_LENGTH_MAX} characters of each of its streams so far. */
  get text(): { readonly stdout: string; readonly stderr: string } {
    return { ...this.#text };
  }

  /**
   * The first line from number `from` on that is `wanted`.
   *
   * @throws {Error} Where the process ends first, or `limitMs` passes.
   */
  async line(
    wanted: (line: Line) => boolean,
    what: string,
    limitMs: number,
    from = 0,
  ): Promise<Line> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const found = this.#lines.slice(from).find(wanted);
      if (found !== undefined) return found;
      const restMs = deadline - performance.now();
      if (this.#ended || restMs <= 0) {
        const why = this.#ended ? "it ended" : `${limitMs} ms passed`;
        throw new Error(
          `Expected process ${this.pid} to print ${what}, but ${why}\n${this.#lastWords()}`,
        );
      }
      await this.#change(restMs);
    }
  }

  /**
   * How it ended, once all that it printed has been read.
   *
   * @throws {Error} Where it still runs after `limitMs`.
   */
  async exited(limitMs: number): Promise<Deno.CommandStatus> {
    const deadline = performance.now() + limitMs;
    while (!this.#ended) {
      const restMs = deadline - performance.now();
      if (restMs <= 0) {
        throw new Error(
          `Expected process ${this.pid} to end within ${limitMs} ms, but it runs\n${this.#lastWords()}`,
        );
      }
      await this.#change(restMs);
    }
    await this.#read;
    return await this.#child.status;
  }

  /** Says a line to the script. */
  async say(line: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`${line}\n`));
    writer.releaseLock();
  }

  /** Sends a signal, if it still runs. */
  signal(signal: Deno.Signal): void {
    if (!this.#ended) this.#child.kill(signal);
  }

  /** Asks it to end, insists after `limitMs`, and resolves when it is gone and read to the end. */
  async end(limitMs = 10_000): Promise<Deno.CommandStatus> {
    this.signal("SIGTERM");
    const insist = setTimeout(() => this.signal("SIGKILL"), limitMs);
    const status = await this.#child.status;
    clearTimeout(insist);
    await this.#read;
    if (this.#isSpokenTo) await this.#child.stdin.abort();
    return status;
  }

  #change(limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#listeners.delete(done);
        resolve();
      };
      const timer = setTimeout(done, limitMs);
      this.#listeners.add(done);
    });
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #lastWords(): string {
    const { stdout, stderr } = this.#text;
    return `${stdout.slice(-2_000)}\n${stderr.slice(-4_000)}`;
  }

  async #collect(
    name: "stdout" | "stderr",
    stream: ReadableStream<Uint8Array>,
  ): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#text[name] = (this.#text[name] + text).slice(-TEXT_LENGTH_MAX);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    this.#take(rest);
  }

  #take(text: string): void {
    const line = parsed(text);
    if (line === undefined) return;
    this.#lines.push(line);
    this.#changed();
  }
}

/** This process's environment without settings of sleap-rtc: a lab must not enter somebody's room. */
function foreignEnvironment(): Record<string, string> {
  const own = Object.entries(Deno.env.toObject());
  return Object.fromEntries(own.filter(([name]) => !name.startsWith("SLEAP_RTC_")));
}

function parsed(text: string): Line | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return Object.fromEntries(Object.entries(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
