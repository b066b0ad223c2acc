/** A signaling server in a process of its own, for proofs: started, asked how it is, killed, started again. */

import { join } from "node:path";
import { createRoom, type RoomTicket } from "../../lib/client/room_api.ts";
import { Program } from "../lab/program.ts";
import { V8_FLAGS } from "../lab/v8_flags.ts";

const START_MS_MAX = 60_000;

/** The server. */
export class ProofServer {
  readonly url: string;
  readonly #folder: string;
  #program: Program;
  #peakMb = 0;

  private constructor(folder: string, program: Program, url: string) {
    this.#folder = folder;
    this.#program = program;
    this.url = url;
  }

  /** Starts one on a free loopback port. Callers are told apart by `X-Forwarded-For`. */
  static async start(): Promise<ProofServer> {
    const folder = await Deno.makeTempDir({ prefix: "sleap-rtc-proof-" });
    const program = run(folder, "0");
    const { url } = await program.line(({ event }) => event === "ready", "ready", START_MS_MAX);
    return new ProofServer(folder, program, String(url));
  }

  /** Makes a room. */
  async room(): Promise<RoomTicket> {
    const { roomId, token } = await createRoom(this.url, {});
    return { server: this.url, roomId, token };
  }

  /** Kills it with no chance to say goodbye, and starts it again at the same port and with its files. */
  async restart(): Promise<void> {
    this.#program.signal("SIGKILL");
    await this.#program.exited(START_MS_MAX);
    this.#program = run(this.#folder, new URL(this.url).port);
    await this.#program.line(({ event }) => event === "ready", "ready", START_MS_MAX);
  }

  /** How long it takes to say that it is well, in ms. */
  async answerMs(): Promise<number> {
    const startedAt = performance.now();
    const response = await fetch(`${this.url}/health`, { signal: AbortSignal.timeout(10_000) });
    await response.body?.cancel();
    return performance.now() - startedAt;
  }

  /** The memory of its process, in MB. */
  async memoryMb(): Promise<number> {
    const response = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(10_000) });
    const bytes = /^process_resident_memory_bytes (\d+)/m.exec(await response.text())?.[1];
    const megabytes = Math.round(Number(bytes ?? 0) / 1e6);
    this.#peakMb = Math.max(this.#peakMb, megabytes);
    return megabytes;
  }

  /** The most memory that {@linkcode ProofServer.memoryMb} has seen, in MB. */
  get peakMb(): number {
    return this.#peakMb;
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.#program.end();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function run(folder: string, port: string): Program {
  return new Program({
    args: ["signal", "--json", "--host", "127.0.0.1", "--port", port, "--data", "data"]
      .concat("--trust-proxy", "--log-level", "warning"),
    env: { SLEAP_RTC_HOME: join(folder, "home"), NO_COLOR: "1", DENO_V8_FLAGS: V8_FLAGS },
    cwd: folder,
  });
}
