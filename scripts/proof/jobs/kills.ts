/** Rounds of kills in rooms of real processes, summed up. Knows not what one round must hold. */

import { SeededRandom } from "../../../lib/base/random.ts";
import { median, rounded } from "../../bench/statistics.ts";
import { JobRoom } from "./job_room.ts";
import { drawPlan, type KillOutcome, playKill } from "./kill_round.ts";
import type { Finding, ProofOptions } from "./proof.ts";

/** Rounds in one room. Higher: more of one history; lower: more time for rooms. Packages stay until its end. */
const ROUNDS_A_ROOM = 9;

/** Kills client, worker or admin once in each of as many jobs as there are rounds. */
export async function proveKills(options: ProofOptions): Promise<Finding> {
  const outcomes: KillOutcome[] = [];
  const reasons: string[] = [];
  for (let from = 0; from < options.rounds; from += ROUNDS_A_ROOM) {
    options.signal.throwIfAborted();
    const to = Math.min(options.rounds, from + ROUNDS_A_ROOM);
    try {
      await playRoom(from, to, options, outcomes);
    } catch (error) {
      options.signal.throwIfAborted();
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  const shortfall = whyTooLittle(outcomes, options.rounds);
  if (shortfall !== undefined) reasons.push(shortfall);
  const times = outcomes.map(({ ms }) => ms);
  const struck = outcomes.filter(({ isStruck }) => isStruck).length;
  return {
    ok: reasons.length === 0,
    seed: options.seed,
    rounds: outcomes.length,
    struck,
    whole: outcomes.filter(({ failure }) => failure === undefined).length,
    round_p50_ms: times.length === 0 ? 0 : rounded(median(times)),
    round_max_ms: rounded(Math.max(0, ...times)),
    failures: outcomes.flatMap(({ failure }) => failure === undefined ? [] : [failure]),
    ...(reasons.length === 0 ? {} : { reason: reasons.join(" | ") }),
  };
}

/**
 * Why these outcomes prove too little, though each of them holds; `undefined` where they prove enough.
 * Rounds that ended before they were struck show nothing, and one that ends with an honest failure
 * shows less than a whole one: of each there must be a majority.
 */
export function whyTooLittle(
  outcomes: readonly Pick<KillOutcome, "failure" | "isStruck">[],
  rounds: number,
): string | undefined {
  const struck = outcomes.filter(({ isStruck }) => isStruck).length;
  const whole = outcomes.filter(({ failure }) => failure === undefined).length;
  if (struck * 2 > rounds && whole * 2 > rounds) return undefined;
  return `Expected most of ${rounds} rounds to be struck and most to end whole, got ${struck} and ${whole}`;
}

/** Plays rounds `from` to `to` in one room; a round that fails ends it, since what it left is unknown. */
async function playRoom(
  from: number,
  to: number,
  { seed, rtc, signal, tell }: ProofOptions,
  outcomes: KillOutcome[],
): Promise<void> {
  let room: JobRoom | undefined;
  const interrupt = () => room?.close();
  signal.addEventListener("abort", interrupt);
  try {
    await using opened = await JobRoom.open(rtc, (opening) => room = opening);
    for (let round = from; round < to; round++) {
      signal.throwIfAborted();
      // Each round by itself: it can be played again without those before it.
      const plan = drawPlan(round, new SeededRandom(seed + round));
      try {
        const outcome = await playKill(opened, plan);
        outcomes.push(outcome);
        tell(`round ${round} ${JSON.stringify({ ...plan, ...outcome })}`);
      } catch (cause) {
        const what = cause instanceof Error ? cause.message : String(cause);
        throw new Error(`round ${round} ${JSON.stringify(plan)}: ${what}`, { cause });
      }
    }
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}
