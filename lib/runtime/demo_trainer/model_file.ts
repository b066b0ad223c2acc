/** The demo trainer's model, read back. Knows its form and nothing of learning. */

import { base64 } from "@scure/base";
import { z } from "zod";
import { decodeJson } from "../../protocol/decode.ts";
import { LinearPose } from "./linear_pose.ts";

/** A model in bytes. Higher: a wrong file is read for longer. */
const FILE_BYTES_MAX = 64 * 1024 ** 2;

const modelSchema = z.object({
  format: z.literal("sleap-rtc-demo-linear-pose"),
  version: z.literal(1),
  nodes: z.array(z.string()).min(1).max(1_000),
  input: z.object({ size: z.int().min(1).max(1_024) }),
  weights: z.object({ float32_little_endian_base64: z.string() }),
});

/** A model that can predict. */
export interface ReadModel {
  readonly nodes: readonly string[];
  /** Pixels of a side of the pictures that it takes. */
  readonly inputSize: number;
  readonly pose: LinearPose;
}

/** @throws {Error} Where there is no such file, or it is no model of the demo trainer. */
export async function readModel(path: string): Promise<ReadModel> {
  const { size } = await Deno.stat(path);
  if (size > FILE_BYTES_MAX) {
    throw new Error(`Expected a demo model of at most ${FILE_BYTES_MAX} bytes, got ${size}`);
  }
  const decoded = decodeJson(await Deno.readTextFile(path), modelSchema);
  if (!decoded.ok) throw new Error(`Expected a demo model at ${path}: ${decoded.reason}`);
  const { nodes, input, weights } = decoded.value;
  const pose = new LinearPose(input.size ** 2, 2 * nodes.length);
  const bytes = base64.decode(weights.float32_little_endian_base64);
  if (bytes.length !== 4 * pose.weights.length) {
    throw new Error(`Expected ${pose.weights.length} weights at ${path}, got ${bytes.length / 4}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const index of pose.weights.keys()) pose.weights[index] = view.getFloat32(4 * index, true);
  return { nodes, inputSize: input.size, pose };
}
