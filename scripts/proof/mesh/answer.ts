/** What `discover --json` said, decoded. Knows its form, not what it should say. */

import { z } from "zod";
import { decodeJson } from "../../../lib/protocol/decode.ts";
import { type WorkerList, workerListSchema } from "../../../lib/protocol/query.ts";
import type { Program } from "../../lab/program.ts";

const viaSchema = z.enum(["admin", "server", "worker"]);
const answerSchema = workerListSchema.extend({ via: viaSchema });

/** An answer, or why there was none. */
export type Answer =
  | { readonly ok: true; readonly list: WorkerList; readonly via: z.infer<typeof viaSchema> }
  | { readonly ok: false; readonly reason: string };

/** What `program`, a `discover --json` that has ended, said. */
export function answerOf({ text }: Program): Answer {
  const decoded = decodeJson(text.stdout.trim().split("\n").at(-1) ?? "", answerSchema);
  if (!decoded.ok) return { ok: false, reason: `${text.stdout}${text.stderr}`.trim() };
  const { via, ...list } = decoded.value;
  return { ok: true, list, via };
}
