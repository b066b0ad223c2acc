/** Which rooms keep a registry of their own, while the feature is rolled out (seed 002 phase 8.2). */

import { createHash } from "node:crypto";
import type { RoomId } from "../lib/base/id.ts";

/** How far the registry is rolled out. */
export interface RegistryRollout {
  /** `ENABLE_ROOM_REGISTRY`: whether any room has one. */
  readonly isEnabled: boolean;
  /** Of 100 rooms, how many have one. */
  readonly percent: number;
}

/** All rooms. Why this is the default: docs/decisions/011. */
export const EVERY_ROOM: RegistryRollout = { isEnabled: true, percent: 100 };

/**
 * Whether the room keeps a registry: the same answer on every server and after every restart, and one
 * that only ever turns from no to yes as `percent` grows.
 *
 * @throws {Error} Where `percent` is not from 0 to 100.
 */
export function keepsRegistry(roomId: RoomId, { isEnabled, percent }: RegistryRollout): boolean {
  if (!(percent >= 0 && percent <= 100)) {
    throw new Error(`Expected a share of the rooms from 0 to 100 percent, got ${percent}`);
  }
  const digest = createHash("sha256").update(`registry ${roomId}`).digest();
  return isEnabled && digest.readUInt32BE(0) / 2 ** 32 * 100 < percent;
}
