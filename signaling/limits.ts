/** The limits of the signaling server, with what raising and lowering each costs. Knows no one who holds them. */

import { DAY_MS, HOUR_MS, SECOND_MS } from "../lib/base/time.ts";
import type { BucketLimits } from "./bucket.ts";
import type { GuessLimits } from "./guesses.ts";

/** What the server allows, and for how long it waits. */
export interface SignalingLimits extends GuessLimits {
  /** From opening a socket to being registered. Higher: strangers hold sockets; lower: slow machines fail. */
  readonly registerMs: number;
  /**
   * Between two pings. Higher: death is noticed late; lower: more idle frames. A ping and its pong each
   * 20 s make 360 an hour, of the 400 that an idle worker may cost (ARCHITECTURE section 6).
   */
  readonly pingIntervalMs: number;
  /** Without a frame from a peer before its socket is closed. Lower: starved peers are dropped. */
  readonly silenceMs: number;
  /** Between two looks at the deadlines above. Higher: they are held less exactly. */
  readonly tickMs: number;
  /** Unsent bytes of one socket at which its reader is given up. Lower: slow lines are cut off. */
  readonly bufferedBytesMax: number;
  /** Open sockets. Higher: more memory; lower: peers are refused. */
  readonly socketsMax: number;
  /** Open sockets of one address. Lower: a large lab behind one address is refused. */
  readonly socketsPerAddressMax: number;
  /** Sockets that one address opens. Lower: a large lab is slower to come back after a restart. */
  readonly openings: BucketLimits;
  /** HTTP requests of one address. Higher: one stranger takes more of the processor. */
  readonly requests: BucketLimits;
  /**
   * Unsent bytes of all sockets together, above which those go that read the least: whoever makes rooms
   * of its own could hold {@linkcode bufferedBytesMax} on each of its sockets.
   */
  readonly bufferedBytesTotalMax: number;
  /**
   * Frames of one socket, and those that they have the server send beyond one each; a join of ten
   * workers takes some hundred at once.
   */
  readonly frames: BucketLimits;
  /** Bytes of one socket, and those that the server sends for them beyond as many. */
  readonly bytes: BucketLimits;
  /** Sign-ins and new rooms of one address. */
  readonly creations: BucketLimits;
  /** Notices of one kind in the log. Lower: strangers make a log grow less, and it tells less. */
  readonly notices: BucketLimits;
  /** Extensions of one room. Lower: a lab that extends its room by hand is told to wait. */
  readonly extensions: BucketLimits;
  /** One HTTP body. */
  readonly bodyBytesMax: number;
  /** For a whole HTTP request to arrive. Higher: strangers hold connections; lower: slow lines fail. */
  readonly requestMs: number;
  /** Open TCP connections. Higher: more memory; lower: peers are refused before they can say who they are. */
  readonly connectionsMax: number;
  /**
   * Open TCP connections of one address that have not become sockets: whoever asks for nothing holds one
   * for {@linkcode requestMs}. Not counted behind a proxy of ours, which has one address for everybody.
   * Higher: one stranger fills {@linkcode connectionsMax} sooner; lower: a lab behind one address waits.
   */
  readonly pendingPerAddressMax: number;
  /** Between two looks whether the port still takes connections. Higher: a deaf one stays so for longer. */
  readonly probeMs: number;
  /** For the store to say that it is there, before `/ready` says that it is not. */
  readonly readyMs: number;
  /** Stored rooms. Higher: strangers can fill the disk; lower: labs are refused. */
  readonly roomsMax: number;
  /** How long an empty room stays joinable where nobody says otherwise, in seconds. */
  readonly roomTtlSeconds: number;
  /** How far ahead an expiry may be set, in seconds. Only "never" reaches further. */
  readonly roomTtlSecondsMax: number;
  /** Between two extensions of the rooms that workers are in; below {@linkcode roomTtlSeconds}. */
  readonly keepMs: number;
  /** Between two removals of the rooms that have expired. */
  readonly sweepMs: number;
  /**
   * From a room's end to its removal, in seconds; nobody comes in meanwhile. Higher: a clock that was
   * further ahead costs no room; lower: rooms that were made and left take place on the disk for less.
   */
  readonly sweepGraceSeconds: number;
  /** After which delay peers may come back to a server that stops. */
  readonly retryAfterMs: number;
  /** For the other end of a socket to answer its close. Higher: strangers hold what we have given up. */
  readonly closeMs: number;
  /** For every socket, for every request and for the store to be done when the server stops. */
  readonly stopMs: number;
}

/** The limits of a server that is told nothing else. */
export const SIGNALING_LIMITS: SignalingLimits = {
  registerMs: 10 * SECOND_MS,
  pingIntervalMs: 20 * SECOND_MS,
  silenceMs: 60 * SECOND_MS,
  tickMs: SECOND_MS,
  bufferedBytesMax: 1024 * 1024,
  socketsMax: 10_000,
  socketsPerAddressMax: 2_000,
  openings: { capacity: 4_000, perSecond: 100 },
  requests: { capacity: 2_000, perSecond: 100 },
  bufferedBytesTotalMax: 64 * 1024 * 1024,
  frames: { capacity: 2_000, perSecond: 200 },
  bytes: { capacity: 8 * 1024 * 1024, perSecond: 1024 * 1024 },
  creations: { capacity: 200, perSecond: 1 },
  notices: { capacity: 1_000, perSecond: 10 },
  extensions: { capacity: 20, perSecond: 1 / 60 },
  guesses: { capacity: 20, perSecond: 0.2 },
  guessesOfAddress: { capacity: 200, perSecond: 2 },
  bodyBytesMax: 64 * 1024,
  requestMs: 10 * SECOND_MS,
  connectionsMax: 12_000,
  pendingPerAddressMax: 500,
  probeMs: 10 * SECOND_MS,
  readyMs: 2 * SECOND_MS,
  roomsMax: 10_000,
  roomTtlSeconds: 2 * 60 * 60,
  roomTtlSecondsMax: 366 * 24 * 60 * 60,
  keepMs: HOUR_MS,
  sweepMs: HOUR_MS,
  sweepGraceSeconds: DAY_MS / SECOND_MS,
  retryAfterMs: SECOND_MS,
  closeMs: 2 * SECOND_MS,
  stopMs: 2 * SECOND_MS,
};

/**
 * The default limits with `changes` over them.
 *
 * @throws {Error} Where a limit is not positive, or two contradict each other.
 */
export function limitsWith(changes: Partial<SignalingLimits>): SignalingLimits {
  const limits = { ...SIGNALING_LIMITS, ...changes };
  for (const [name, value] of Object.entries(limits)) {
    const numbers = typeof value === "number" ? [value] : [value.capacity, value.perSecond];
    if (!numbers.every((number) => Number.isFinite(number) && number > 0)) {
      throw new Error(`Expected a positive ${name}, got ${numbers.join(" and ")}`);
    }
  }
  if (limits.silenceMs <= limits.pingIntervalMs) {
    throw new Error(
      `Expected silenceMs above pingIntervalMs (${limits.pingIntervalMs}), got ${limits.silenceMs}: healthy peers would be dropped`,
    );
  }
  if (limits.keepMs >= limits.roomTtlSeconds * SECOND_MS) {
    throw new Error(
      `Expected keepMs below the ${limits.roomTtlSeconds} s that a room lasts, got ${limits.keepMs}: rooms would end under their peers`,
    );
  }
  return limits;
}
