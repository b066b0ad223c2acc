/**
 * Which users of a pool are left over, and how they are deleted page by page: as fast as the provider
 * lets us, and again from the start after a stop. Knows the pool as a port, and no command line.
 */

import { type Backoff, fullJitterMs } from "../../lib/base/backoff.ts";
import type { Random } from "../../lib/base/random.ts";
import { type Clock, HOUR_MS, SECOND_MS } from "../../lib/base/time.ts";
import { ANONYMOUS_PREFIX } from "./identity.ts";

/** A user as a pool lists it. Times are milliseconds since 1970. */
export interface ListedUser {
  readonly username: string;
  readonly createdAtMs: number;
  /** When the pool last changed it: servers touch those that are connected. */
  readonly usedAtMs: number;
  /** Whether it has an e-mail address or a telephone number: then it is a person. */
  readonly hasAddress: boolean;
}

/** Some users, and where the next begin. A page may be short or empty and yet have a next. */
export interface UserPage {
  readonly users: readonly ListedUser[];
  readonly next: string | undefined;
}

/**
 * A pool of users. Methods reject with {@linkcode PoolThrottled}, {@linkcode PoolLost} or
 * {@linkcode PoolRefused}.
 */
export interface UserPool {
  /** How many users there are, roughly. */
  countUsers(): Promise<number>;
  /** The page that begins at `pageToken`; the first where there is none. */
  listUsers(pageToken: string | undefined): Promise<UserPage>;
  /** Deletes a user, and says whether it was there. */
  deleteUser(username: string): Promise<boolean>;
}

/** The provider wants us to slow down. */
export class PoolThrottled extends Error {
  override readonly name = "PoolThrottled";
}

/** The provider does not answer, or not as it should. */
export class PoolLost extends Error {
  override readonly name = "PoolLost";
}

/** The provider does not let us: asking again would change nothing. */
export class PoolRefused extends Error {
  override readonly name = "PoolRefused";
}

/** How often a server touches the users that are connected through it. */
export const TOUCH_MS = HOUR_MS / 2;
/** The youngest age that may count as left over: above two touches, one of which may be lost. */
export const OLDER_THAN_MS_MIN = HOUR_MS;

/** What a cleanup did so far. */
export interface CleanupReport {
  readonly pages: number;
  readonly users: number;
  readonly anonymous: number;
  /** Anonymous ones that were deleted, or would have been. */
  readonly deleted: number;
  /** Anonymous ones that were made before the limit, but used after it. */
  readonly inUse: number;
  /** Anonymous ones that were made after the limit. */
  readonly young: number;
  /** Requests that the provider answered with a wish for fewer, or not at all. */
  readonly retries: number;
}

/** The report of a cleanup that has not begun. */
export const NOTHING_CLEANED: CleanupReport = {
  pages: 0,
  users: 0,
  anonymous: 0,
  deleted: 0,
  inUse: 0,
  young: 0,
  retries: 0,
};

/** How a cleanup goes. */
export interface CleanupOptions {
  readonly olderThanMs: number;
  /** Whether nothing is deleted. */
  readonly isDryRun: boolean;
  /** Whether users without an address whose name is a UUID count as anonymous, too. */
  readonly takesUuids: boolean;
  readonly clock: Pick<Clock, "wallMs">;
  readonly random: Random;
  /** Waits; rejects where `signal` is aborted. */
  wait(durationMs: number, signal: AbortSignal): Promise<void>;
  /** Ends it before the next request. */
  readonly signal: AbortSignal;
  /** Hears first how many users there are, roughly. It costs a request, and the right to make it. */
  onCounted?(users: number): void;
  /** Hears of each user that is deleted, or would be. */
  onDeleted?(user: ListedUser): void;
  /** Hears of each step, the last included. */
  onProgress?(report: CleanupReport): void;
}

/** The wait after a request that was throttled or lost. Quotas of Cognito are counted by the second. */
const BACKOFF: Backoff = { baseMs: SECOND_MS, capMs: 30 * SECOND_MS, floorMs: 100 };
/** Attempts for a request that is throttled: some five minutes. Lower: a busy account stops us. */
const THROTTLED_MAX = 20;
/** Attempts for a request that is lost: some five seconds. Higher: an outage is told later. */
const LOST_MAX = 4;
/** Pages of one run: six million users. Higher: a provider that repeats itself is believed longer. */
const PAGES_MAX = 100_000;

/** What becomes of a user. */
export type Fate = "named" | "young" | "in_use" | "left_over";

/** How the original Python server names anonymous users. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What becomes of `user` in a cleanup of what has not been used since `limitMs` (since 1970). */
export function fateOf(
  { username, createdAtMs, usedAtMs, hasAddress }: ListedUser,
  limitMs: number,
  { takesUuids }: { readonly takesUuids: boolean },
): Fate {
  const isAnonymous = !hasAddress &&
    (username.startsWith(ANONYMOUS_PREFIX) || (takesUuids && UUID.test(username)));
  if (!isAnonymous) return "named";
  if (createdAtMs > limitMs) return "young";
  return usedAtMs > limitMs ? "in_use" : "left_over";
}

/**
 * Deletes the anonymous users of `pool` that have not been used for `olderThanMs`. What was deleted is
 * gone from the list, so that a run after a stop goes on where this one ended.
 *
 * @throws {PoolRefused} Where the provider does not let us.
 * @throws {PoolThrottled | PoolLost} Where it does not answer after many attempts.
 * @throws The reason of `signal` where that is aborted.
 */
export async function cleanUsers(pool: UserPool, options: CleanupOptions): Promise<CleanupReport> {
  const { olderThanMs, isDryRun, clock, signal } = options;
  const limitMs = clock.wallMs() - olderThanMs;
  let report = NOTHING_CLEANED;
  const advance = (change: Partial<CleanupReport>) => {
    report = { ...report, ...change };
    options.onProgress?.(report);
  };
  const onRetry = () => advance({ retries: report.retries + 1 });
  if (options.onCounted !== undefined) {
    options.onCounted(await persist(() => pool.countUsers(), options, onRetry));
  }
  let pageToken: string | undefined;
  do {
    const { users, next } = await persist(() => pool.listUsers(pageToken), options, onRetry);
    advance({ pages: report.pages + 1 });
    for (const user of users) {
      const fate = fateOf(user, limitMs, options);
      if (fate === "left_over") {
        const isGone = isDryRun ||
          await persist(() => pool.deleteUser(user.username), options, onRetry);
        // Another run was quicker: then it counts there.
        if (isGone) {
          options.onDeleted?.(user);
          advance({ deleted: report.deleted + 1 });
        }
      }
      advance({
        users: report.users + 1,
        anonymous: report.anonymous + (fate === "named" ? 0 : 1),
        inUse: report.inUse + (fate === "in_use" ? 1 : 0),
        young: report.young + (fate === "young" ? 1 : 0),
      });
    }
    if (next !== undefined && (next === pageToken || report.pages >= PAGES_MAX)) {
      throw new PoolLost(
        `Expected the list of users to go on after page ${report.pages}, got the same page again; run it once more`,
      );
    }
    pageToken = next;
  } while (pageToken !== undefined && !signal.aborted);
  signal.throwIfAborted();
  return report;
}

/** Asks until there is an answer, a refusal, or no point in going on. */
async function persist<T>(
  ask: () => Promise<T>,
  { random, wait, signal }: CleanupOptions,
  onRetry: () => void,
): Promise<T> {
  for (let attempt = 0;; attempt++) {
    signal.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      const attemptsMax = error instanceof PoolThrottled
        ? THROTTLED_MAX
        : error instanceof PoolLost
        ? LOST_MAX
        : 1;
      if (attempt + 1 >= attemptsMax) throw error;
      onRetry();
      await wait(fullJitterMs(attempt, BACKOFF, random), signal);
    }
  }
}
