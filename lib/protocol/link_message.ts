/** Everything that can be said on a link once its HELLO has passed, and how it is read. */

import { z } from "zod";
import { type JobMessage, jobMessageSchema } from "./job_message.ts";
import { directoryMessageSchema, type MeshMessage, meshMessageSchema } from "./mesh_message.ts";
import { queueMessageSchema } from "./queue_message.ts";
import { type TransferMessage, transferMessageSchema } from "./transfer_message.ts";
import { type ObserverMessage, watchMessageSchema } from "./watch_message.ts";

/** Any message on a link. */
export const linkMessageSchema = z.discriminatedUnion("type", [
  meshMessageSchema,
  directoryMessageSchema,
  watchMessageSchema,
  queueMessageSchema,
  jobMessageSchema,
  transferMessageSchema,
]);
/** Any message on a link. */
export type LinkMessage = z.infer<typeof linkMessageSchema>;

const MESH_TYPES: ReadonlySet<string> = typesOf(meshMessageSchema.options);
const CLIENT_TYPES: ReadonlySet<string> = typesOf([
  ...jobMessageSchema.options,
  ...transferMessageSchema.options,
]);

const OBSERVER_TYPES: ReadonlySet<string> = new Set<ObserverMessage["type"]>(
  ["state_broadcast", "watch_report", "watch_refused", "link_report", "queue_refused"],
);

/** Whether workers say it to each other. */
export function isMeshMessage(message: LinkMessage): message is MeshMessage {
  return MESH_TYPES.has(message.type);
}

/** Whether a client and a worker say it to each other about a job. */
export function isClientMessage(message: LinkMessage): message is JobMessage | TransferMessage {
  return CLIENT_TYPES.has(message.type);
}

/** Whether a worker says it to a client that watches the room through it. */
export function isObserverMessage(message: LinkMessage): message is ObserverMessage {
  return OBSERVER_TYPES.has(message.type);
}

function typesOf(
  options: readonly { readonly shape: { readonly type: z.ZodLiteral<string> } }[],
): Set<string> {
  return new Set(options.map((option) => option.shape.type.value));
}
