/** A cleanup of users as lines and as JSON. Knows how it looks, not how it is done. */

import { formatDuration } from "../base/time.ts";
import { bar, count, share } from "./amount.ts";
import { cleanText, fitText } from "./terminal_text.ts";

/** What there is to show. */
export interface CleanupFacts {
  readonly pages: number;
  readonly users: number;
  readonly anonymous: number;
  readonly deleted: number;
  readonly inUse: number;
  readonly young: number;
  readonly retries: number;
}

/** What it was asked to do, and how long it took. */
export interface CleanupFrame {
  readonly userPoolId: string;
  readonly olderThanMs: number;
  readonly isDryRun: boolean;
  /** Whether every user was looked at. */
  readonly isComplete: boolean;
  readonly tookMs: number;
}

const BAR_COLUMNS = 24;

/** Where it stands, on one line of the screen; `usersMax` is the pool's own estimate. */
export function progressLine(
  facts: CleanupFacts,
  usersMax: number,
  { columns, isDryRun }: { readonly columns: number; readonly isDryRun: boolean },
): string {
  const percent = Math.floor(share(facts.users, usersMax) * 100);
  const retries = facts.retries === 0 ? "" : `  slowed down ${count(facts.retries, "time")}`;
  const text = `${bar(share(facts.users, usersMax), 1, BAR_COLUMNS)} ${percent} %  ` +
    `${facts.users} of about ${Math.max(usersMax, facts.users)} users  ` +
    `${facts.deleted} ${isDryRun ? "to delete" : "deleted"}${retries}`;
  return fitText(text, columns - 1);
}

/** One user that is deleted, or would be. */
export function userLine(username: string, createdAtMs: number, isDryRun: boolean): string {
  const made = new Date(createdAtMs).toISOString();
  return `${isDryRun ? "Would delete" : "Deleted"} ${cleanText(username)}, made ${made}`;
}

/** What was done, for people. */
export function reportLines(facts: CleanupFacts, frame: CleanupFrame): string[] {
  const verb = frame.isDryRun ? "Would delete" : "Deleted";
  const age = formatDuration(frame.olderThanMs);
  return [
    `${verb} ${count(facts.deleted, "anonymous user")} not used for ${age}, ` +
    `of ${facts.anonymous} anonymous and ${facts.users} in all (${count(facts.pages, "page")})`,
    `Kept ${facts.inUse} in use and ${facts.young} younger`,
    ...(facts.retries === 0
      ? []
      : [`Cognito slowed us down or did not answer ${count(facts.retries, "time")}`]),
    ...(frame.isComplete ? [] : ["Stopped before the end: run it again to go on"]),
    `Took ${formatDuration(frame.tookMs)}`,
  ];
}

/** What was done by a run that was completed, for programs. */
export function reportJson(
  facts: CleanupFacts,
  frame: CleanupFrame,
): Readonly<Record<string, unknown>> {
  return {
    ok: true,
    user_pool_id: frame.userPoolId,
    older_than_ms: frame.olderThanMs,
    dry_run: frame.isDryRun,
    pages: facts.pages,
    users: facts.users,
    anonymous: facts.anonymous,
    deleted: facts.deleted,
    in_use: facts.inUse,
    young: facts.young,
    retries: facts.retries,
    took_ms: Math.round(frame.tookMs),
  };
}
