/** The command `cleanup-cognito`: deletes the users that anonymous sign-in left in Amazon Cognito. */

import { merge, object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag, option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import { Failure } from "../base/failure.ts";
import { formatDuration, parseDuration } from "../base/time.ts";
import {
  type CleanupFrame,
  progressLine,
  reportJson,
  reportLines,
  userLine,
} from "./cleanup_view.ts";
import { cognitoOptions, cognitoSettings } from "./cognito_option.ts";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { Mistake } from "./mistake.ts";

/** The shortest time between two drawings. Higher: calmer; lower: a slow terminal holds us up. */
const DRAW_INTERVAL_MS = 80;

const parser = merge(
  object({
    olderThan: withDefault(
      option("--older-than", string({ metavar: "TIME" }), {
        description: message`Delete those that were not used for so long, at least 1h`,
      }),
      "24h",
    ),
    dryRun: withDefault(
      flag("--dry-run", { description: message`Delete nothing; say what would be deleted` }),
      false,
    ),
    takesUuids: withDefault(
      flag("--uuid-names", {
        description:
          message`Also delete users without an address whose name is a UUID, as the Python server made them`,
      }),
      false,
    ),
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  cognitoOptions,
);

/** `sleap-rtc cleanup-cognito`. */
export const cleanupCognitoCommand = defineCommand({
  name: "cleanup-cognito",
  purpose: "Delete the users that anonymous sign-in left in Amazon Cognito",
  examples: [
    "sleap-rtc cleanup-cognito --user-pool-id eu-west-1_AbCdEfGhI --dry-run",
    "COGNITO_USER_POOL_ID=… sleap-rtc cleanup-cognito --older-than 24h --json",
  ],
  exits: ["serverUnreachable", "refused"],
  parser,
  async run({ olderThan, dryRun: isDryRun, takesUuids, json, ...flags }, io) {
    const { cleanUsers, NOTHING_CLEANED, OLDER_THAN_MS_MIN, PoolLost, PoolRefused, PoolThrottled } =
      await import("../../signaling/identity/user_cleanup.ts");
    const settings = cognitoSettings(flags, io.env);
    const olderThanMs = parseDuration(olderThan);
    if (olderThanMs === undefined || olderThanMs < OLDER_THAN_MS_MIN) {
      const least = formatDuration(OLDER_THAN_MS_MIN);
      throw new Mistake(
        `Expected a time of at least ${least} such as 24h or 7d for --older-than, got \`${olderThan}\`; servers touch the users that are connected every half hour, and younger ones may be`,
      );
    }
    const { systemClock } = await import("../runtime/clock.ts");
    const { systemRandom } = await import("../runtime/chance.ts");
    const { CognitoPool } = await import("../../signaling/identity/user_pool.ts");
    const pool = new CognitoPool({ ...settings, attemptsMax: 1 });
    const signal = io.interruption();
    const start = systemClock.now();
    let facts = NOTHING_CLEANED;
    let isComplete = false;
    const frame = (): CleanupFrame => ({
      userPoolId: settings.userPoolId,
      olderThanMs,
      isDryRun,
      isComplete,
      tookMs: systemClock.now() - start,
    });
    io.err(
      `Looking in ${settings.userPoolId} for anonymous users not used for ${
        formatDuration(olderThanMs)
      }`,
    );
    try {
      const isLive = io.isTerminal && !json;
      const progress = isLive ? new ProgressBar(io, isDryRun) : undefined;
      try {
        facts = await cleanUsers(pool, {
          olderThanMs,
          isDryRun,
          takesUuids,
          clock: systemClock,
          random: systemRandom,
          wait,
          signal,
          ...(progress === undefined ? {} : { onCounted: (users) => progress.expect(users) }),
          onDeleted: ({ username, createdAtMs }) => {
            if (json || !isDryRun) return;
            progress?.clear();
            io.out(userLine(username, createdAtMs, isDryRun));
          },
          onProgress: (report) => {
            facts = report;
            progress?.show(report);
          },
        });
        isComplete = true;
      } finally {
        progress?.clear();
        if (json && isComplete) io.out(JSON.stringify(reportJson(facts, frame())));
        else if (facts.pages > 0) {
          // A program gets one object, and of a run that failed that is the error.
          const say = json ? io.err : io.out;
          for (const line of reportLines(facts, frame())) say(line);
        }
      }
    } catch (error) {
      const isRefused = error instanceof PoolRefused;
      if (isRefused || error instanceof PoolThrottled || error instanceof PoolLost) {
        const kind = isRefused ? "room_refused" : "server_unreachable";
        throw new Failure(kind, error.message, { cause: error.cause });
      }
      throw error;
    } finally {
      pool.close();
    }
    return EXIT.ok;
  },
});

/** One line of the terminal that is drawn again and again. */
class ProgressBar {
  readonly #io: Io;
  readonly #isDryRun: boolean;
  #usersMax = 0;
  #drawnAtMs = -Infinity;

  constructor(io: Io, isDryRun: boolean) {
    this.#io = io;
    this.#isDryRun = isDryRun;
  }

  /** Takes 100 % to be so many users. */
  expect(users: number): void {
    this.#usersMax = users;
  }

  show(facts: Parameters<typeof progressLine>[0]): void {
    const nowMs = performance.now();
    if (nowMs - this.#drawnAtMs < DRAW_INTERVAL_MS) return;
    this.#drawnAtMs = nowMs;
    const { columns } = this.#io;
    const line = progressLine(facts, this.#usersMax, { columns, isDryRun: this.#isDryRun });
    this.#io.draw(`\r${line}\u001b[K`);
  }

  clear(): void {
    this.#io.draw("\r\u001b[K");
  }
}

/** Waits, unless `signal` is aborted, which it says by its reason. */
function wait(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, durationMs);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
