/**
 * A network of its own for every place of a lab, joined by a switch that loses, delays and blocks what
 * goes from one to another, changed at run time. Knows namespaces and the switch, no sleap-rtc.
 *
 * The switch is `tools/netlab/switch.py` of the shared folder. Everything is made in namespaces whose
 * names begin with a prefix of this process, and is gone after `close`.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Place, SERVER_PLACE, type Site } from "./site.ts";

const ROOT = join(import.meta.dirname ?? ".", "..", "..");
const SWITCH = join(ROOT, "..", "shared", "tools", "netlab", "switch.py");
const SUBNET = "10.77.0";
/** For the switch to make all namespaces, and to answer. */
const PATIENCE_MS = 30_000;

/** What happens to frames that go one way between two places; what is left out stays as it is. */
export interface Fault {
  /** Share of frames that are lost, from 0 to 1. */
  readonly loss?: number;
  /** Milliseconds that every frame takes. */
  readonly delay?: number;
  readonly block?: boolean;
}

/** Why there can be no netlab here, as a sentence; undefined where there can be. */
export async function whyNoNetlab(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "Network namespaces need Linux";
  if (Deno.uid() !== 0) return "Network namespaces need root";
  if (!existsSync(SWITCH)) return `There is no switch at ${SWITCH}`;
  if (!existsSync("/dev/net/tun")) return "There is no /dev/net/tun";
  for (const [program, ...args] of [["ip", "netns", "list"], ["python3", "--version"]]) {
    if (program === undefined || !await succeeds(program, args)) return `There is no ${program}`;
  }
  return undefined;
}

/** Places in networks of their own: the server, and workers `w1`, `w2` and so on. */
export class Netlab implements Site, AsyncDisposable {
  readonly serverHost: string;
  readonly isReachable = false;
  /** How many workers have a place. */
  readonly workers: number;
  readonly #prefix: string;
  readonly #switch: Deno.ChildProcess;
  readonly #told: Promise<void>;
  #text = "";
  #hear: () => void = () => {};
  #isOver = false;
  #closing: Promise<void> | undefined;

  private constructor(prefix: string, workers: number) {
    this.#prefix = prefix;
    this.workers = workers;
    this.serverHost = addressOf(workers + 1);
    this.#switch = new Deno.Command("python3", {
      args: [SWITCH, String(workers + 1), prefix, SUBNET],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#told = this.#listen();
  }

  /**
   * Makes a network for the server and for each of `workers` workers, without any fault.
   *
   * @throws {Error} Where the switch does not come up.
   */
  static async open(workers: number): Promise<Netlab> {
    // The names of network devices have 15 characters at most; a process id has four of these.
    const lab = new Netlab(`slp${Deno.pid.toString(36)}x`, workers);
    try {
      await lab.#heard(/^READY$/gm, 1);
      await lab.#introduce();
      return lab;
    } catch (error) {
      await lab.close();
      throw error;
    }
  }

  within(place: Place): readonly string[] {
    return ["ip", "netns", "exec", `${this.#prefix}${this.#hostOf(place)}`];
  }

  /** Has `fault` happen to all that goes between any two places, both ways. */
  async everywhere(fault: Fault): Promise<void> {
    await this.#tell([{ src: "*", dst: "*", ...fault }]);
  }

  /** Lets nothing through from `from` to `to`; the other way stays as it is. */
  async cut(from: Place, to: Place): Promise<void> {
    await this.#tell([{ src: this.#hostOf(from), dst: this.#hostOf(to), block: true }]);
  }

  /** Lets nothing through between places of different `sides`. A place on no side is cut off from all. */
  async split(sides: readonly (readonly Place[])[]): Promise<void> {
    const rules = [];
    for (let src = 1; src <= this.workers + 1; src++) {
      for (let dst = 1; dst <= this.workers + 1; dst++) {
        const isTogether = sides.some((side) => {
          const hosts = side.map((place) => this.#hostOf(place));
          return hosts.includes(src) && hosts.includes(dst);
        });
        if (src !== dst && !isTogether) rules.push({ src, dst, block: true });
      }
    }
    await this.#tell(rules);
  }

  /** Ends all cuts; loss and delay stay. */
  async heal(): Promise<void> {
    await this.everywhere({ block: false });
  }

  /** Ends the switch and deletes the namespaces, with whatever the programs in them left behind. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    // At the end of its input the switch ends; a namespace that it never made cannot be deleted.
    await this.#switch.stdin.close();
    await this.#switch.status;
    await this.#told;
    for (let host = 1; host <= this.workers + 1; host++) {
      await succeeds("ip", ["netns", "delete", `${this.#prefix}${host}`]);
    }
  }

  /**
   * Tells every place the hardware addresses of the others for good. To ask for them, both directions
   * must work: a cut one way would soon be one both ways, and a lost question costs a second.
   */
  async #introduce(): Promise<void> {
    const hosts = Array.from({ length: this.workers + 1 }, (_, index) => index + 1);
    for (const host of hosts) {
      const namespace = `${this.#prefix}${host}`;
      const commands = hosts.filter((other) => other !== host).map((other) => {
        const hardware = `02:00:00:00:00:${other.toString(16).padStart(2, "0")}`;
        const device = `${this.#prefix}t${host}`;
        return `neigh replace ${addressOf(other)} lladdr ${hardware} dev ${device} nud permanent\n`;
      });
      await feed("ip", ["-n", namespace, "-batch", "-"], commands.join(""));
    }
  }

  async #tell(rules: readonly object[]): Promise<void> {
    const before = this.#count(/^ok$/gm);
    const writer = this.#switch.stdin.getWriter();
    const lines = rules.map((rule) => `${JSON.stringify(rule)}\n`).join("");
    await writer.write(new TextEncoder().encode(lines));
    writer.releaseLock();
    await this.#heard(/^ok$/gm, before + rules.length);
  }

  #count(words: RegExp): number {
    return this.#text.match(words)?.length ?? 0;
  }

  async #heard(words: RegExp, count: number): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, PATIENCE_MS);
    const deadline = performance.now() + PATIENCE_MS;
    try {
      while (this.#count(words) < count) {
        if (this.#isOver || performance.now() >= deadline) {
          throw new Error(
            `Expected the switch to say ${words} ${count} times, got ${this.#count(words)}`,
          );
        }
        const change = Promise.withResolvers<void>();
        this.#hear = change.resolve;
        await Promise.race([change.promise, late.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #listen(): Promise<void> {
    for await (const text of this.#switch.stdout.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#hear();
    }
    this.#isOver = true;
    this.#hear();
  }

  #hostOf(place: Place): number {
    if (place === SERVER_PLACE) return this.workers + 1;
    const host = Number(/^w(\d+)$/.exec(place)?.[1]);
    if (!(host >= 1 && host <= this.workers)) {
      throw new Error(`Expected server or w1 to w${this.workers} for a place, got ${place}`);
    }
    return host;
  }
}

function addressOf(host: number): string {
  return `${SUBNET}.${host}`;
}

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(program, { args: [...args] }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** @throws {Error} Where `program` does not take `input`. */
async function feed(program: string, args: readonly string[], input: string): Promise<void> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stderr } = await child.output();
  if (success) return;
  const reason = new TextDecoder().decode(stderr).trim();
  throw new Error(`Expected \`${program} ${args.join(" ")}\` to do as told, got: ${reason}`);
}
