import assert from "node:assert/strict";
import { SeededRandom } from "../../../lib/base/random.ts";
import { DAY_MS, HOUR_MS, SECOND_MS } from "../../../lib/base/time.ts";
import {
  type CleanupOptions,
  cleanUsers,
  type Fate,
  fateOf,
  type ListedUser,
  OLDER_THAN_MS_MIN,
  PoolLost,
  PoolRefused,
  PoolThrottled,
  TOUCH_MS,
  type UserPool,
} from "../../../signaling/identity/user_cleanup.ts";

const NOW = Date.UTC(2026, 5, 1);

function user(username: string, ageMs: number, idleMs = ageMs): ListedUser {
  return { username, createdAtMs: NOW - ageMs, usedAtMs: NOW - idleMs, hasAddress: false };
}

const old = (name: string) => user(`anonymous-${name}`, 2 * DAY_MS);

/** A pool of pages, which may be short or empty, and in which each request may fail. */
class FakePool implements UserPool {
  readonly deleted: string[] = [];
  readonly asked: (string | undefined)[] = [];
  readonly #pages: readonly (readonly ListedUser[])[];
  /** Why the next requests fail. */
  troubles: Error[] = [];

  constructor(pages: readonly (readonly ListedUser[])[]) {
    this.#pages = pages;
  }

  countUsers() {
    return Promise.resolve(this.#pages.flat().length);
  }

  async listUsers(pageToken: string | undefined) {
    await this.#trouble();
    this.asked.push(pageToken);
    const page = Number(pageToken ?? 0);
    const users = (this.#pages[page] ?? []).filter(({ username }) =>
      !this.deleted.includes(username)
    );
    return { users, next: page + 1 < this.#pages.length ? String(page + 1) : undefined };
  }

  async deleteUser(username: string) {
    await this.#trouble();
    if (this.deleted.includes(username)) return false;
    this.deleted.push(username);
    return true;
  }

  #trouble(): Promise<void> {
    const error = this.troubles.shift();
    return error === undefined ? Promise.resolve() : Promise.reject(error);
  }
}

function options(changes: Partial<CleanupOptions> = {}): CleanupOptions {
  return {
    olderThanMs: DAY_MS,
    isDryRun: false,
    takesUuids: false,
    clock: { wallMs: () => NOW },
    random: new SeededRandom(1),
    wait: () => Promise.resolve(),
    signal: new AbortController().signal,
    ...changes,
  };
}

Deno.test("cleanup: what becomes of a user", () => {
  const cases: [ListedUser, Fate][] = [
    [old("a"), "left_over"],
    [user("anonymous-b", DAY_MS), "left_over"],
    [user("anonymous-c", DAY_MS - 1), "young"],
    [user("anonymous-d", 30 * DAY_MS, HOUR_MS), "in_use"],
    [user("anonymous-e", 30 * DAY_MS, DAY_MS), "left_over"],
    [user("anna.rossi", 30 * DAY_MS), "named"],
    [user("anonymous", 30 * DAY_MS), "named"],
    [user("not-anonymous-f", 30 * DAY_MS), "named"],
  ];
  for (const [listed, fate] of cases) {
    assert.equal(fateOf(listed, NOW - DAY_MS, { takesUuids: false }), fate);
  }
  const uuid = user("6f1c1e5e-8d5b-4b43-9f0e-0c8f1f6f2a11", 2 * DAY_MS);
  assert.equal(fateOf(uuid, NOW - DAY_MS, { takesUuids: false }), "named");
  assert.equal(fateOf(uuid, NOW - DAY_MS, { takesUuids: true }), "left_over");
  for (const person of [{ ...uuid, hasAddress: true }, { ...old("a"), hasAddress: true }]) {
    assert.equal(fateOf(person, NOW - DAY_MS, { takesUuids: true }), "named");
  }
  assert(OLDER_THAN_MS_MIN >= 2 * TOUCH_MS, "one touch may be lost");
});

Deno.test("cleanup: short and empty pages are followed to the end", async () => {
  const pool = new FakePool([
    [old("a"), user("ann", 9 * DAY_MS)],
    [],
    [user("anonymous-new", 1)],
    [],
    [old("b"), user("anonymous-used", 9 * DAY_MS, 1)],
    [],
  ]);
  const steps: number[] = [];
  const report = await cleanUsers(pool, options({ onProgress: ({ users }) => steps.push(users) }));
  assert.deepEqual(pool.asked, [undefined, "1", "2", "3", "4", "5"]);
  assert.deepEqual(pool.deleted, ["anonymous-a", "anonymous-b"]);
  const { retries, ...counts } = report;
  assert.equal(retries, 0);
  assert.deepEqual(counts, { pages: 6, users: 5, anonymous: 4, deleted: 2, inUse: 1, young: 1 });
  assert.equal(steps.at(-1), 5);
});

Deno.test("cleanup: a dry run deletes nothing and counts the same", async () => {
  const pool = new FakePool([[old("a")], [old("b")]]);
  const named: string[] = [];
  const report = await cleanUsers(
    pool,
    options({ isDryRun: true, onDeleted: ({ username }) => named.push(username) }),
  );
  assert.deepEqual(named, ["anonymous-a", "anonymous-b"]);
  assert.equal(report.deleted, 2);
  assert.deepEqual(pool.deleted, []);
});

Deno.test("cleanup: throttled, it waits longer and longer at random, and goes on where it was", async () => {
  const pool = new FakePool([[old("a"), old("b")], [old("c")]]);
  pool.troubles = Array.from({ length: 12 }, () => new PoolThrottled("Slower"));
  const waits: number[] = [];
  const wait = (durationMs: number) => {
    waits.push(durationMs);
    return Promise.resolve();
  };
  const report = await cleanUsers(pool, options({ wait }));
  assert.equal(report.retries, 12);
  assert.equal(report.deleted, 3);
  assert.deepEqual(pool.asked, [undefined, "1"]);
  for (const [attempt, waitMs] of waits.entries()) {
    assert(waitMs >= 100 && waitMs <= Math.min(30 * SECOND_MS, SECOND_MS * 2 ** attempt));
  }
  assert(Math.max(...waits) > 8 * SECOND_MS, "it does slow down");
  assert.equal(new Set(waits).size, waits.length, "at random");
});

Deno.test("cleanup: it ends where nothing helps", async () => {
  const cases: [Error, number][] = [
    [new PoolRefused("No"), 0],
    [new PoolThrottled("Slower"), 19],
    [new PoolLost("Nobody"), 3],
    [new TypeError("A fault of ours"), 0],
  ];
  for (const [trouble, retries] of cases) {
    const pool = new FakePool([[old("a")]]);
    pool.troubles = Array.from({ length: 50 }, () => trouble);
    let waits = 0;
    const wait = () => Promise.resolve(void waits++);
    await assert.rejects(cleanUsers(pool, options({ wait })), trouble);
    assert.equal(waits, retries);
  }
});

Deno.test("cleanup: stopped in the middle, the next run does the rest", async () => {
  const pool = new FakePool([[old("a"), old("b")], [old("c")]]);
  const controller = new AbortController();
  const onDeleted = () => controller.abort("SIGINT");
  await assert.rejects(
    cleanUsers(pool, options({ signal: controller.signal, onDeleted })),
    (reason) => reason === "SIGINT",
  );
  assert.deepEqual(pool.deleted, ["anonymous-a"]);
  const report = await cleanUsers(pool, options());
  assert.equal(report.deleted, 2);
  assert.equal((await cleanUsers(pool, options())).deleted, 0);
});

Deno.test("cleanup: two runs at once count each user once, and a list in a circle is noticed", async () => {
  const pool = new FakePool([[old("a"), old("b")], [old("c")]]);
  const reports = await Promise.all([cleanUsers(pool, options()), cleanUsers(pool, options())]);
  assert.equal(reports.reduce((sum, { deleted }) => sum + deleted, 0), 3);
  const circle: UserPool = {
    countUsers: () => Promise.resolve(0),
    listUsers: () => Promise.resolve({ users: [], next: "again" }),
    deleteUser: () => Promise.resolve(true),
  };
  await assert.rejects(cleanUsers(circle, options()), /got the same page again/);
});
