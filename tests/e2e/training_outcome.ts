/** What `train --json` and `discover --json` print, decoded. Knows their form, not what they should say. */

import assert from "node:assert/strict";
import { z } from "zod";
import { decodeJson } from "../../lib/protocol/decode.ts";
import { manifestSchema } from "../../lib/protocol/manifest.ts";
import { workerListSchema } from "../../lib/protocol/query.ts";
import { endsWith, type Stage } from "./stage.ts";

const trainedSchema = z.object({
  ok: z.literal(true),
  job: z.object({
    id: z.string(),
    worker: z.string(),
    folder: z.string(),
    epochs: z.int(),
    first_loss: z.number(),
    last_loss: z.number(),
    files: manifestSchema.shape.files,
  }),
});
const discoveredSchema = workerListSchema.extend({
  via: z.enum(["admin", "server"]),
  took_ms: z.number(),
});
const failedSchema = z.object({
  ok: z.literal(false),
  error: z.string(),
  message: z.string(),
  exit_code: z.int(),
});

/** What a training that went well says last. */
export type Trained = z.infer<typeof trainedSchema>["job"];
/** What `discover --json` says. */
export type Discovered = z.infer<typeof discoveredSchema>;
/** What a command with `--json` says last where it fails. */
export type Failed = z.infer<typeof failedSchema>;

function lastLine<T>(text: string, schema: z.ZodType<T>): T {
  const decoded = decodeJson(text.trim().split("\n").at(-1) ?? "", schema);
  assert.ok(decoded.ok, decoded.ok ? "" : `${decoded.reason}: ${text}`);
  return decoded.value;
}

/** What a training that went well said last. */
export function trained({ stdout }: { readonly stdout: string }): Trained {
  return lastLine(stdout, trainedSchema).job;
}

/** What a command that failed said last. */
export function failed({ stdout }: { readonly stdout: string }): Failed {
  return lastLine(stdout, failedSchema);
}

/** Runs `discover --json` as a process. */
export async function discover({ lab }: Stage): Promise<Discovered> {
  const { stdout } = await endsWith(lab.start(["discover", "--json"]), 0);
  return lastLine(stdout, discoveredSchema);
}
