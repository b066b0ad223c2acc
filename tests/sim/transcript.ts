/**
 * Writes down what the workers of a simulated room do and say, for people to read: names instead of
 * random ids, no times, no heartbeats.
 */

import assert from "node:assert/strict";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { Input } from "../../lib/mesh/input.ts";
import type { WorkerLife } from "./worker_life.ts";

/** Takes down the steps of workers. */
export class Transcript {
  readonly #lines: string[] = [];
  /** Random ids in the order in which they appeared. */
  readonly #names = new Map<string, string>();
  /** Which worker is at the other end of a link. */
  readonly #ends = new Map<string, string>();

  readonly #untold: ReadonlySet<string>;

  /** Leaves out heartbeats, pings and messages of the types `untold`. */
  constructor(untold: readonly string[] = []) {
    this.#untold = new Set(["heartbeat", "ping", ...untold]);
  }

  /** Forgets what was written down, but not who is who. */
  clear(): void {
    this.#lines.length = 0;
    this.#names.clear();
  }

  /** A heading. */
  note(text: string): void {
    this.#lines.push("", `# ${text}`);
  }

  /** One step of one worker. */
  stepped(life: WorkerLife, input: Input, effects: readonly Effect[]): void {
    if (input.type === "link_opened") {
      this.#ends.set(`${life.name} ${input.linkId}`, input.peerId);
    }
    const lines = effects.flatMap((effect) => this.#show(life, effect));
    const cause = this.#cause(input);
    if (cause !== undefined) this.#lines.push(`${life.name}: ${cause}`);
    else if (lines.length > 0) this.#lines.push(`${life.name}: ${input.type}`);
    this.#lines.push(...lines.map((line) => `    ${line}`));
  }

  /** All that was written down. */
  get text(): string {
    return `${this.#lines.join("\n").trim()}\n`;
  }

  #cause(input: Input): string | undefined {
    switch (input.type) {
      case "started":
      case "server_lost":
      case "replaced":
      case "stopping":
        return input.type;
      case "server_said":
        if (this.#untold.has(input.message.type)) return undefined;
        return `server → ${this.#brief(input.message)}`;
      case "link_opened":
        return `link to ${input.peerId} is open (${this.#name(input.linkId)})`;
      case "link_closed":
        return `link to ${input.peerId} is over: ${input.reason} (${this.#name(input.linkId)})`;
      case "peer_said":
        if (this.#untold.has(input.message.type)) return undefined;
        return `${input.peerId} → ${this.#brief(input.message)}`;
      case "asked":
        return `${input.asker.peerId} asks by ${input.asker.by} ${this.#brief(input.filters)}`;
      case "watched":
        return `${input.peerId} watches and has ${this.#brief({ heads: input.heads })}`;
      case "queue_joined":
        return `${input.peerId} wants ${input.jobId} to wait`;
      case "queue_left":
        return `${input.peerId} need not wait for ${input.jobId}`;
      case "status_changed":
        return `is ${input.status} now`;
      case "metadata_changed":
        return "says something else of itself now";
      case "unwatched":
        return "is watched no longer";
      case "link_signal":
      case "woke":
        return undefined;
    }
    input satisfies never;
  }

  #show(life: WorkerLife, effect: Effect): string[] {
    switch (effect.type) {
      case "send": {
        if (this.#untold.has(effect.message.type)) return [];
        const to = this.#ends.get(`${life.name} ${effect.linkId}`) ?? "nobody";
        return [`→ ${to}: ${this.#brief(effect.message)}`];
      }
      case "tell_observer":
        return [`→ observer: ${this.#brief(effect.message)}`];
      case "tell_server":
        if (effect.message.type !== "ping" && this.#untold.has(effect.message.type)) return [];
        return [`→ server: ${this.#brief(effect.message)}`];
      case "dial":
      case "answer":
        return [
          `${effect.type} ${effect.peerId} within ${effect.limitMs} ms (${
            this.#name(effect.linkId)
          })`,
        ];
      case "deliver":
        return [];
      case "drop":
        return [`drop ${this.#name(effect.linkId)}: ${effect.reason}`];
      case "reply":
        return [`→ ${effect.asker.peerId} by ${effect.asker.by}: ${this.#brief(effect.list)}`];
      case "wake":
        return [];
      case "stand_down":
        return [`stands down: ${effect.message}`];
      case "log":
        return [`log ${effect.level}: ${effect.message}`];
    }
    effect satisfies never;
    return [];
  }

  /** A message in one line: no quotes, no keys or signatures, names for random ids. */
  #brief(message: object): string {
    const text = JSON.stringify(message, (key, value: unknown) => {
      if (key === "link_id" || key === "heads") return this.#rename(value);
      if (key === "sdp") return "…";
      if (["peer_list", "peer_ids", "peer_metadata", "metadata", "connected_at"].includes(key)) {
        return undefined;
      }
      if (key === "changes" && Array.isArray(value)) return value.map(authorOf);
      if (key === "held" && typeof value === "object" && value !== null) {
        return Object.fromEntries(
          Object.entries(value).map(([actor, count]) => [this.#name(actor), count]),
        );
      }
      return value;
    });
    return text.replaceAll('"', "");
  }

  #rename(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item: unknown) => this.#rename(item));
    return typeof value === "string" ? this.#name(value) : value;
  }

  #name(id: string): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const kind = /^[0-9a-f]{64}$/.test(id) ? "head" : /^[0-9a-f]{32}$/.test(id) ? "actor" : "link";
    const before = [...this.#names.values()].filter((name) => name.startsWith(kind)).length;
    this.#names.set(id, `${kind}${before + 1}`);
    return `${kind}${before + 1}`;
  }
}

/** Compares `transcript` with the golden file of that name, or writes it (UPDATE_TRANSCRIPTS=1). */
export function checkTranscript(name: string, { text }: { readonly text: string }): void {
  const path = new URL(`../transcript/${name}.txt`, import.meta.url);
  if (Deno.env.get("UPDATE_TRANSCRIPTS") === "1") Deno.writeTextFileSync(path, text);
  assert.equal(
    text,
    Deno.readTextFileSync(path),
    `The protocol says something else than ${name}.txt; if you can say why, run with UPDATE_TRANSCRIPTS=1`,
  );
}

function authorOf(change: unknown): string {
  const known = typeof change === "object" && change !== null && "author" in change;
  return known ? `change of ${String(change.author)}` : "change";
}
