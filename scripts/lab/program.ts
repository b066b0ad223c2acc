/** This program as a process: started with arguments and an environment, watched line by line, ended. */

import { selfCommand } from "../../lib/runtime/self_command.ts";

/** One line of JSON that a process printed. */
export type Line = Readonly<Record<string, unknown>>;

/** How a process is started. */
export interface ProgramOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** A running program whose output is lines of JSON. */
export class Program {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Line[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #read: Promise<unknown>;
  #noise = "";
  #ended = false;

  constructor({ args, env, cwd }: ProgramOptions) {
    const { executable, leading } = selfCommand();
    this.#child = new Deno.Command(executable, {
      args: [...leading, ...args],
      env: { ...env },
      cwd,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#read = Promise.all([
      this.#collect(this.#child.stdout),
      this.#collect(this.#child.stderr),
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
          `Expected process ${this.pid} to print ${what}, but ${why}\n${this.#noise}`,
        );
      }
      await this.#change(restMs);
    }
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

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    this.#take(rest);
  }

  #take(text: string): void {
    this.#noise = `${this.#noise}${text}\n`.slice(-4_000);
    const line = parsed(text);
    if (line === undefined) return;
    this.#lines.push(line);
    this.#changed();
  }
}

function parsed(text: string): Line | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    return Object.fromEntries(Object.entries(JSON.parse(text)));
  } catch {
    return undefined;
  }
}
