/** What workers write down of the queue: who came, went and came back, and that it ends everywhere. */

import assert from "node:assert/strict";
import type { JobId, LinkId, PeerId } from "../../lib/base/id.ts";
import { AWAY_MAX_MS, QueueBook, REQUESTS_PER_KEY_MAX } from "../../lib/mesh/queue_book.ts";
import { requestsIn } from "../../lib/mesh/waiting_list.ts";
import type { QueueRow } from "../../lib/protocol/queue_message.ts";
import type { WorkerEntry } from "../../lib/protocol/worker.ts";
import { link, peer } from "./peers.ts";
import { ANY, entry, jobOf, serving } from "./queued.ts";

/** Workers that share one set of rows at once, as a room without delays does. */
class Room {
  readonly #rows = new Map<PeerId, Map<JobId, QueueRow>>();
  readonly #books = new Map<string, QueueBook>();
  readonly #links = new Set<LinkId>();
  readonly entries = new Map<PeerId, WorkerEntry>();
  readonly dead = new Set<string>();
  /** Links whose clients were told that their request is over. */
  readonly told: string[] = [];
  now = 0;

  /** `client` comes to `worker` for `job`. Gives why it may not wait there. */
  joins(client: string, job: string, worker: string): string | undefined {
    const linkId = link(`${client}.${job}.${worker}`);
    this.#links.add(linkId);
    const visitor = { client: peer(client), jobId: jobOf(job), needs: ANY, wallMs: this.now };
    const refusal = this.#book(worker).join(linkId, visitor, this.#requests());
    this.settle();
    return refusal;
  }

  /** Its link to `worker` is over, or it watches no longer. */
  loses(client: string, job: string, worker: string): void {
    this.#links.delete(link(`${client}.${job}.${worker}`));
    this.settle();
  }

  withdraws(client: string, job: string, worker: string): void {
    this.#book(worker).withdraw(link(`${client}.${job}.${worker}`), jobOf(job), peer(client));
    this.settle();
  }

  is(name: string, changes: Partial<WorkerEntry>): void {
    this.entries.set(peer(name), entry(name, changes));
    this.settle();
  }

  restarts(worker: string): void {
    this.#books.delete(worker);
    this.dead.delete(worker);
    this.settle();
  }

  /** Every living worker writes down what it has to, until none has. */
  settle(): void {
    for (let round = 0; round < 10; round++) {
      let written = 0;
      for (const name of ["w1", "w2", "w3"]) {
        if (this.dead.has(name)) continue;
        const running = this.entries.get(peer(name));
        const changes = this.#book(name).reconcile({
          requests: this.#requests(),
          runningJobId: running?.status === "busy" ? running.current_job?.job_id : undefined,
          watches: (linkId) => this.#links.has(linkId),
        }, this.now);
        for (const { linkId } of this.#book(name).takeDismissed()) this.told.push(linkId);
        const rows = this.#rows.get(peer(name)) ?? new Map<JobId, QueueRow>();
        for (const [jobId, row] of changes) {
          if (row === undefined) rows.delete(jobId);
          else rows.set(jobId, row);
        }
        this.#rows.set(peer(name), rows);
        written += changes.size;
      }
      if (written === 0) return;
    }
    assert.fail("The books never come to rest");
  }

  /** `w1: a waits 1`: all that is written down. */
  get rows(): string {
    return [...this.#rows].flatMap(([author, rows]) =>
      [...rows].map(([job, { standing, ticket }]) =>
        `${author}: ${job.replace(/^job-0*/, "")} ${standing} ${ticket}`
      )
    ).join(", ");
  }

  #requests() {
    const isLiving = (author: PeerId) => !this.dead.has(author);
    return requestsIn({ rows: this.#rows, entries: this.entries, isLiving });
  }

  #book(name: string): QueueBook {
    const book = this.#books.get(name) ?? new QueueBook(peer(name));
    this.#books.set(name, book);
    return book;
  }
}

Deno.test("clients come in order, go away and come back to their places", () => {
  const room = new Room();
  room.joins("anna", "a", "w1");
  room.joins("ben", "b", "w2");
  assert.equal(room.joins("anna", "a", "w1"), undefined, "said again");
  assert.equal(room.rows, "w1: a waits 1, w2: b waits 2");
  room.loses("anna", "a", "w1");
  assert.equal(room.rows, "w1: a away 1, w2: b waits 2");
  room.joins("anna", "a", "w2");
  assert.equal(room.rows, "w1: a away 1, w2: b waits 2, w2: a waits 1");
});

Deno.test("a request that begins or is withdrawn leaves nothing behind", () => {
  for (const ends of ["runs here", "runs elsewhere", "withdrawn here", "withdrawn elsewhere"]) {
    const room = new Room();
    room.joins("anna", "a", "w1");
    room.loses("anna", "a", "w1");
    room.joins("anna", "a", "w2");
    if (ends === "runs here") room.is("w2", serving("busy", "a", "anna"));
    if (ends === "runs elsewhere") room.is("w3", serving("busy", "a", "anna"));
    if (ends === "withdrawn here") room.withdraws("anna", "a", "w2");
    if (ends === "withdrawn elsewhere") room.withdraws("anna", "a", "w3");
    assert.equal(room.rows, "", ends);
  }
});

Deno.test("who waits is told when another process of its key withdraws the request", () => {
  const room = new Room();
  room.joins("anna", "a", "w1");
  room.withdraws("anna", "a", "w2");
  assert.deepEqual([room.rows, room.told], ["", [link("anna.a.w1")]]);
  room.joins("anna", "b", "w1");
  room.withdraws("anna", "b", "w1");
  room.joins("anna", "c", "w1");
  room.is("w2", serving("busy", "c", "anna"));
  assert.equal(room.told.length, 1, "who withdraws it, or has it run, knows");
});

Deno.test("whoever wrote a row and died hears of its end when it is back", () => {
  const room = new Room();
  room.joins("anna", "a", "w1");
  room.dead.add("w1");
  room.joins("anna", "a", "w2");
  room.is("w3", serving("busy", "a", "anna"));
  room.is("w3", {});
  assert.match(room.rows, /w1: a waits 1/);
  assert.match(room.rows, /a over 1/);
  room.loses("anna", "a", "w1");
  room.restarts("w1");
  assert.equal(room.rows, "");
});

Deno.test("a worker that starts anew keeps the places of those who waited there", () => {
  const room = new Room();
  room.joins("anna", "a", "w1");
  room.joins("ben", "b", "w1");
  room.loses("anna", "a", "w1");
  room.loses("ben", "b", "w1");
  room.restarts("w1");
  assert.equal(room.rows, "w1: a away 1, w1: b away 2");
  room.joins("anna", "a", "w1");
  assert.equal(room.rows, "w1: a waits 1, w1: b away 2");
});

Deno.test("a place is kept for a week, and no longer", () => {
  const room = new Room();
  room.joins("anna", "a", "w1");
  room.loses("anna", "a", "w1");
  room.now = AWAY_MAX_MS - 1;
  room.settle();
  assert.equal(room.rows, "w1: a away 1");
  room.now = AWAY_MAX_MS;
  room.settle();
  assert.equal(room.rows, "");
});

Deno.test("nobody withdraws or takes another's request, and one key may not fill the queue", () => {
  const room = new Room();
  room.joins("anna", "a", "w1");
  room.withdraws("ben", "a", "w2");
  assert.equal(room.rows, "w1: a waits 1");
  assert.match(room.joins("ben", "a", "w1") ?? "", /another client's/);
  for (let index = 0; index < REQUESTS_PER_KEY_MAX; index++) room.joins("ben", `b${index}`, "w1");
  assert.match(room.joins("ben", "c", "w1") ?? "", /16 of your requests wait already/);
  assert.equal(room.joins("carl", "d", "w1"), undefined);
});

Deno.test("what is over cannot wait again", () => {
  const room = new Room();
  room.joins("anna", "a", "w1");
  room.dead.add("w1");
  room.withdraws("anna", "a", "w2");
  assert.match(room.joins("anna", "a", "w3") ?? "", /waits no more/);
});
