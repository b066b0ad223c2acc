/** Whether a stranger can tell a room that exists from one that does not by the time that a refusal takes. */

import { randomBytes } from "node:crypto";
import { newRoomId } from "../../signaling/credential.ts";
import { median, rounded } from "../bench/statistics.ts";
import type { ProofServer } from "./proof_server.ts";
import type { Finding } from "./siege.ts";

/** Requests that come first and do not count. */
const WARM_UP = 200;
/** How far the odds of a right guess may be from a coin's. Of 2,000 each, chance makes 0.02. */
const ADVANTAGE_MAX = 0.03;

/**
 * Shows `count` wrong tokens for a room and as many for rooms that there are none of, in turn and each
 * from an address of its own. `odds` is how often the room that exists takes longer; a coin has 0.5.
 */
export async function tellRoomsApart(server: ProofServer, count: number): Promise<Finding> {
  const { roomId } = await server.room();
  const known: number[] = [];
  const unknown: number[] = [];
  let asked = 0;
  const refusedMs = async (room_id: string) => {
    const address = `10.${asked >> 16 & 255}.${asked >> 8 & 255}.${asked++ & 255}`;
    const body = JSON.stringify({ room_id, token: randomBytes(16).toString("hex") });
    const startedAt = performance.now();
    const init = { method: "POST", headers: { "x-forwarded-for": address }, body };
    const response = await fetch(`${server.url}/discover-workers`, init);
    await response.arrayBuffer();
    const tookMs = performance.now() - startedAt;
    if (response.status !== 403) throw new Error(`Expected 403, got ${response.status}`);
    return tookMs;
  };
  for (let turn = -WARM_UP; turn < count; turn++) {
    const ofUnknown = await refusedMs(newRoomId(randomBytes));
    const ofKnown = await refusedMs(roomId);
    if (turn < 0) continue;
    unknown.push(ofUnknown);
    known.push(ofKnown);
  }
  const odds = oddsOf(known, unknown);
  const ok = Math.abs(odds - 0.5) <= ADVANTAGE_MAX;
  return {
    proof: "timing",
    ok,
    count,
    known_p50_us: Math.round(median(known) * 1_000),
    unknown_p50_us: Math.round(median(unknown) * 1_000),
    odds: rounded(odds),
  };
}

/** How often one of `a` is above one of `b` (Mann and Whitney's U as a share); ties count half. */
function oddsOf(a: readonly number[], b: readonly number[]): number {
  const ranked = [
    ...a.map((value) => ({ value, isA: true })),
    ...b.map((value) => ({ value, isA: false })),
  ]
    .sort((one, other) => one.value - other.value);
  let below = 0;
  let wins = 0;
  for (const { isA } of ranked) {
    if (isA) wins += below;
    else below++;
  }
  return wins / (a.length * b.length);
}
