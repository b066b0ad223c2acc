/**
 * What must hold in a simulated room at every step, whatever goes wrong. Watches from outside: knows
 * what the network did and what each worker set, and compares that with what the nodes do.
 *
 * Safety
 *  1. A node's epoch never goes back, but to the server's where a liar drove it out of the server's reach.
 *  2. An (actor, number) of the room state never stands for two contents.
 *  3. At most three dials of one worker are in flight, and never two between the same two at once.
 *  4. A worker that can be heard is never declared dead, nor its link given up on a third's word.
 *  5. A node counts exactly the links that are open to it (a late close of an old one does nothing).
 *  6. An entry says only what its owner set; the owner's replica says what it set last.
 *  7. No node asks to be woken all the time, or talks all the time.
 *  8. Two workers of which one knows the other lead at once only for as long as it takes to notice that the room was cut.
 *  9. A question is answered where the admin and the server are well, or the worker that has the link.
 * 10. Candidates are asked all at once, and a partition is in the view when its notice is written.
 * 11. A replica holds no change that no worker wrote; what waits, who is remembered and which wakes are
 *     asked for has a limit.
 */

import type { LinkId, PeerId } from "../../lib/base/id.ts";
import type { LogFields } from "../../lib/base/log.ts";
import type { Instant } from "../../lib/base/time.ts";
import { EPOCH_JUMP_MAX } from "../../lib/mesh/epoch.ts";
import { readChange } from "../../lib/mesh/automerge.ts";
import type { Effect } from "../../lib/mesh/effect.ts";
import type { Input } from "../../lib/mesh/input.ts";
import { MESH_TIMING } from "../../lib/mesh/timing.ts";
import type { SignedChange } from "../../lib/protocol/mesh_message.ts";
import { ANSWER_MS, type Question } from "./asking_client.ts";
import { excessOf } from "./bounds.ts";
import { CLIENT, type LinkQuestion } from "./caller.ts";
import { ElectionWatch } from "./election_watch.ts";
import { givenUp, hearsWell, PATIENCE_MS } from "./hearing.ts";
import { isHermit } from "./hermit.ts";
import { SERVER } from "./signal_server.ts";
import { Violation } from "./violation.ts";
import type { WorkerLife } from "./worker_life.ts";
import type { World } from "./world.ts";

/**
 * For one of two leaders to notice that it lost the majority: silence and check take 5.5 s, the server's
 * last word counts for 3 s, and words that a slow network still brings may postpone either.
 */
const TWO_LEADERS_MS = 9_500;
/** Times that a node may be woken in a second; heartbeats and deadlines take a few. */
const WAKES_MAX = 40;
/** Messages that a node may send in a second; the join of ten workers takes an admin some hundred. */
const SENDS_MAX = 1_500;

interface Book {
  epoch: number;
  second: number;
  wakes: number;
  sends: number;
  readonly links: Map<PeerId, LinkId>;
  readonly elections: ElectionWatch;
}

/** Watches one world. */
export class Referee {
  readonly #world: () => World;
  readonly #books = new Map<WorkerLife, Book>();
  readonly #contents = new Map<string, string>();
  readonly #seenChanges = new WeakSet<SignedChange>();
  readonly #everSet = new Map<string, Set<string>>();
  /** Since when there is more than one leader. */
  #rivalsSince: Instant | undefined;
  /** When the admin that the server knows changed last. */
  #adminAt: Instant = 0;
  #adminKnown = "";

  constructor(world: () => World) {
    this.#world = world;
  }

  /** Looks at one step. */
  stepped(life: WorkerLife, input: Input, effects: readonly Effect[]): void {
    const book = this.#books.get(life) ?? {
      epoch: 0,
      second: 0,
      wakes: 0,
      sends: 0,
      links: new Map(),
      elections: new ElectionWatch(),
    };
    this.#books.set(life, book);
    this.#checkPace(life, book, input, effects);
    const unasked = book.elections.stepped(life, input, effects);
    if (unasked !== undefined) {
      throw new Violation(`${life.name} asks one candidate, but not ${unasked} at the same time`);
    }
    const changed = input.type === "link_opened" || input.type === "link_closed";
    // A link that is dropped in the step in which it opened was refused, and never counted.
    const counts = input.type === "link_opened" && input.role === "worker";
    const refused = counts &&
      effects.some((effect) => effect.type === "drop" && effect.linkId === input.linkId);
    if (counts && !refused) book.links.set(input.peerId, input.linkId);
    if (input.type === "link_closed" && book.links.get(input.peerId) === input.linkId) {
      book.links.delete(input.peerId);
    }
    for (const effect of effects) {
      if (effect.type === "send" && effect.message.type === "state_broadcast") {
        for (const change of effect.message.changes) this.#checkChange(change);
      } else if (effect.type === "drop" && input.type === "peer_said") {
        const given = givenUp(this.#world(), life, effect.linkId);
        if (given !== undefined && given !== input.peerId) {
          throw new Violation(
            `${life.name} gives up its link to ${given} on the word of ${input.peerId}`,
          );
        }
      } else if (effect.type === "dial") {
        this.#checkDial(life, effect.peerId);
      } else if (effect.type === "log") {
        this.#checkNotice(life, effect.fields);
      }
    }
    if (input.type === "status_changed" || input.type === "started" || input.type === "stopping") {
      const key = `${life.peerId}/${life.incarnation}`;
      const set = this.#everSet.get(key) ?? new Set();
      this.#everSet.set(key, set.add(input.type === "status_changed" ? input.status : life.status));
    }
    if (effects.some((effect) => effect.type === "log" && effect.fields["event"] === "held")) {
      this.#everSet.get(`${life.peerId}/${life.incarnation}`)?.add("reserved");
    }
    if (changed) this.#checkLinks(life, book);
  }

  /** Looks at all nodes at rest; to be called every now and then. */
  inspect(): void {
    const world = this.#world();
    this.#noteAdmin();
    this.#checkRivals();
    for (const life of world.lives) {
      const book = this.#books.get(life);
      const view = life.view;
      if (book !== undefined) {
        // Far enough for the server to have begun anew: see `Epoch.granted`.
        const beganAnew = book.epoch - view.epoch > EPOCH_JUMP_MAX / 2;
        if (view.epoch < book.epoch && !beganAnew) {
          throw new Violation(
            `The epoch of ${life.name} went back from ${book.epoch} to ${view.epoch}`,
          );
        }
        book.epoch = view.epoch;
      }
      const excess = excessOf(life, world.changesWritten);
      if (excess !== undefined) throw new Violation(excess);
      for (const entry of view.entries.values()) {
        const set = this.#everSet.get(`${entry.peer_id}/${entry.incarnation}`);
        if (set?.has(entry.status) !== true) {
          throw new Violation(
            `${life.name} sees ${entry.peer_id} as ${entry.status}, which it never was in life ${entry.incarnation}`,
          );
        }
      }
      const own = view.entries.get(life.peerId);
      if (life.state === "running" && life.caughtUp && own?.status !== life.shownStatus) {
        throw new Violation(
          `${life.name} set ${life.shownStatus}, but its own entry says ${own?.status}`,
        );
      }
    }
  }

  /** Looks at a question whose answer is due. */
  judge(question: Question): void {
    const peerId = this.#noteAdmin();
    if (question.answer !== undefined) return;
    const world = this.#world();
    const admin = world.lives.find((life) => life.peerId === peerId);
    if (admin === undefined || admin.state !== "running" || question.refusal !== undefined) return;
    const wellSince = Math.max(
      this.#adminAt,
      admin.unsettledAt,
      world.server.startedAt,
      world.network.fineSince(admin.name, SERVER),
      world.network.fineSince(CLIENT, SERVER),
    );
    if (wellSince > question.askedAt - ANSWER_MS) return;
    throw new Violation(`A question at ${Math.round(question.askedAt)} ms was not answered`);
  }

  /**
   * Looks at a question over a link whose answer is due. At rest nothing excuses silence, but that the
   * life which the link leads to is over: the client finds that out by this very silence.
   */
  judgeLink(question: LinkQuestion, atRest: boolean): void {
    if (question.answer !== undefined || question.abandoned) return;
    const world = this.#world();
    const worker = world.lives.find((life) => life.peerId === question.worker);
    if (worker === undefined || worker.state !== "running") return;
    const end = world.links.endsOf(worker).find(({ linkId }) => linkId === question.linkId);
    const wellSince = Math.max(
      question.openedAt,
      end?.openedAt ?? Infinity,
      worker.unsettledAt,
      world.network.fineSince(CLIENT, worker.name),
    );
    const excuse = atRest ? end?.state !== "open" : wellSince > question.askedAt - ANSWER_MS;
    if (excuse) return;
    throw new Violation(
      `${worker.name} did not answer a question on a link at ${Math.round(question.askedAt)} ms`,
    );
  }

  #noteAdmin(): string | null {
    const { server, timeline } = this.#world();
    const { peerId, epoch } = server.admin;
    const known = `${peerId} ${epoch}`;
    if (known !== this.#adminKnown) this.#adminAt = timeline.now;
    this.#adminKnown = known;
    return peerId;
  }

  #checkChange(change: SignedChange): void {
    if (this.#seenChanges.has(change)) return;
    this.#seenChanges.add(change);
    const facts = readChange(Uint8Array.fromBase64(change.change));
    if (facts === undefined) throw new Violation(`${change.author} sent a change that is none`);
    const key = `${facts.actor}/${facts.seq}`;
    const before = this.#contents.get(key);
    if (before !== undefined && before !== change.change) {
      throw new Violation(`${change.author} used number ${facts.seq} of one actor twice`);
    }
    this.#contents.set(key, change.change);
  }

  #checkDial(life: WorkerLife, peerId: PeerId): void {
    const world = this.#world();
    const dials = world.links.endsOf(life).filter((end) => end.offers && end.state === "dialling");
    if (dials.length >= MESH_TIMING.dialsInFlightMax) {
      throw new Violation(`${life.name} has ${dials.length + 1} dials in flight`);
    }
    const other = world.lives.find((candidate) => candidate.peerId === peerId);
    const glare = other !== undefined &&
      world.links.endsOf(other).some((end) =>
        end.offers && end.state === "dialling" && end.peerId === life.peerId
      );
    if (glare) throw new Violation(`${life.name} and ${peerId} dial each other at once`);
  }

  #checkNotice(life: WorkerLife, fields: LogFields): void {
    const event = fields["event"];
    const dead = event === "peer_dead" ? String(fields["peer_id"]) : undefined;
    if (dead !== undefined && hearsWell(this.#world(), life, dead)) {
      throw new Violation(`${life.name} declared the living ${dead} dead, although it hears it`);
    }
    const reports = event === "partitioned" || event === "healed";
    if (reports && life.view.partitioned !== (event === "partitioned")) {
      throw new Violation(`${life.name} reports ${event}, but its own view says otherwise`);
    }
  }

  #checkRivals(): void {
    const { lives, timeline } = this.#world();
    const leaders = lives.filter((life) => life.state === "running" && life.view.leads);
    // One that has just begun or woken up must first notice what it missed.
    const ripe = leaders.filter((life) => timeline.now - life.unsettledAt > PATIENCE_MS);
    const rulers = ripe.filter((life) => !isHermit(life, lives));
    // Two that never met each lead a room of their own, and so do one that said goodbye and another.
    const met = rulers.some(({ view }) =>
      rulers.some((other) => !["left", undefined].includes(view.liveness.get(other.peerId)))
    );
    if (!met) {
      this.#rivalsSince = undefined;
      return;
    }
    this.#rivalsSince ??= timeline.now;
    if (timeline.now - this.#rivalsSince <= TWO_LEADERS_MS) return;
    throw new Violation(`${rulers.map((life) => life.name).join(" and ")} lead at the same time`);
  }

  #checkPace(life: WorkerLife, book: Book, input: Input, effects: readonly Effect[]): void {
    const second = Math.floor(this.#world().timeline.now / 1000);
    if (book.second !== second) Object.assign(book, { second, wakes: 0, sends: 0 });
    if (input.type === "woke") book.wakes++;
    for (const effect of effects) {
      if (effect.type === "send" || effect.type === "tell_server") book.sends++;
    }
    if (book.wakes > WAKES_MAX) throw new Violation(`${life.name} is woken all the time`);
    if (book.sends > SENDS_MAX) throw new Violation(`${life.name} talks all the time`);
  }

  #checkLinks(life: WorkerLife, book: Book): void {
    const counted = life.view.links.toSorted().join();
    const open = [...book.links.keys()].toSorted().join();
    if (counted !== open) {
      throw new Violation(`${life.name} counts links to [${counted}], but has them to [${open}]`);
    }
  }
}
