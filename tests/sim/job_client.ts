/**
 * A client of the race: asks one worker after the other for its slot, uploads, starts, and follows its
 * job to the end; then it does it again. Knows only what it was told.
 */

import { isJobId, isPeerId, type JobId, type PeerId } from "../../lib/base/id.ts";
import { below, pick } from "../../lib/base/random.ts";
import type { JobMessage } from "../../lib/protocol/job_message.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { sha256Of } from "../../lib/runtime/file_digest.ts";
import { type JobWorker, REQUEST } from "./job_worker.ts";
import type { JobWorld } from "./job_world.ts";

const SPEC: JobSpec = {
  kind: "train",
  runner: "demo",
  package: "fly.pkg.slp",
  run_name: "fly",
  max_epochs: 6,
};
const INPUTS = {
  files: [{ path: "fly.pkg.slp", bytes: 7, sha256: sha256Of("a".repeat(64)) }],
};
/** For an answer; as in `lib/client/visit_wait.ts`. */
const ANSWER_MS = 10_000;
const ALIVE_MS = 5_000;
const UPLOAD_MS_MAX = 12_000;
const FOLLOW_MS = 2_000;
const PAUSE_MS_MAX = 5_000;

type Phase = "idle" | "reserving" | "uploading" | "starting" | "following";

/** A client. */
export class JobClient {
  readonly peerId: PeerId;
  readonly #number: number;
  readonly #world: JobWorld;
  #jobs = 0;
  #jobId: JobId;
  #worker: JobWorker | undefined;
  #phase: Phase = "idle";
  /** Counts phases: what was planned in an earlier one finds nothing to do. */
  #round = 0;
  #heard = 0;
  #isDown = false;

  constructor(number: number, world: JobWorld) {
    this.#number = number;
    this.#world = world;
    const peerId = `laptop${number}-${letters(number)}`;
    if (!isPeerId(peerId)) throw new Error(`Expected a peer id, got ${peerId}`);
    this.peerId = peerId;
    this.#jobId = this.#newJob();
  }

  /** Begins to want something. */
  begin(): void {
    this.#later(below(PAUSE_MS_MAX, this.#world.random), () => this.#reserve());
  }

  /** The process dies, and another one begins with a job of its own. */
  crash(): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#enter("idle");
    this.#world.timeline.after(below(20_000, this.#world.random), () => {
      this.#isDown = false;
      this.#anew();
    });
  }

  /** Something of a worker arrives. */
  hear(worker: JobWorker, message: JobMessage): void {
    if (this.#isDown || worker !== this.#worker) return;
    if (!("job_id" in message) || message.job_id !== this.#jobId) return;
    if (message.type === "job_lease" && this.#phase === "reserving") return this.#upload(worker);
    if (message.type === "job_refused") {
      if (this.#phase === "reserving") return this.#reserve();
      if (this.#phase === "starting") return this.#follow(worker);
      return;
    }
    if (!("sequence" in message)) return;
    if (this.#phase === "starting") this.#follow(worker);
    if (this.#phase !== "following" || message.sequence !== this.#heard + 1) return;
    this.#heard = message.sequence;
    if ("duration_ms" in message) this.#anew();
    else if (this.#world.random.next() < 0.02) this.#end(worker);
  }

  #reserve(): void {
    const free = this.#world.workers.filter(({ seemsFree }) => seemsFree);
    const worker = pick(free, this.#world.random);
    if (!this.#world.isTrouble) return this.#enter("idle");
    this.#enter("reserving");
    // Nobody is free, or somebody was faster: asked again a little later.
    if (worker === undefined) return this.begin();
    this.#worker = worker;
    this.#ask(worker, { type: "reserve", spec: SPEC, inputs: INPUTS });
    this.#later(ANSWER_MS, () => this.#giveUp(worker));
  }

  #upload(worker: JobWorker): void {
    this.#enter("uploading");
    const jobId = this.#jobId;
    const alive = () => {
      this.#world.send(() => worker.hear({ type: "alive", client: this.peerId }));
      this.#later(ALIVE_MS, alive);
    };
    alive();
    this.#later(below(UPLOAD_MS_MAX, this.#world.random), () => {
      this.#world.send(() => worker.hear({ type: "inputs_complete", jobId }));
      // A start may overtake the upload's end; then it is refused.
      this.#enter("starting");
      this.#later(below(500, this.#world.random), () => this.#ask(worker, { type: "start" }));
      this.#later(ANSWER_MS, () => this.#follow(worker));
    });
  }

  /** Asks again and again for what it lacks. A job that nobody knows is given up. */
  #follow(worker: JobWorker): void {
    this.#enter("following");
    const jobId = this.#jobId;
    let unknown = 0;
    const ask = () => {
      this.#world.send(() => {
        if (this.#jobId !== jobId || this.#isDown) return;
        const isKnown = worker.follow(jobId, this.#heard, (event) => this.hear(worker, event));
        if (!isKnown && ++unknown >= 10) this.#giveUp(worker);
      });
      this.#later(FOLLOW_MS, ask);
    };
    ask();
  }

  #end(worker: JobWorker): void {
    const how = this.#world.random.next() < 0.5 ? "cancel" : "stop";
    this.#ask(worker, { type: "end", how });
  }

  #giveUp(worker: JobWorker): void {
    const release = { type: "release", client: this.peerId, jobId: this.#jobId } as const;
    this.#world.send(() => worker.hear(release));
    this.#anew();
  }

  /** A job that was given up may run all the same: the next one has another id. */
  #anew(): void {
    this.#jobId = this.#newJob();
    this.#heard = 0;
    this.#enter("idle");
    this.begin();
  }

  #newJob(): JobId {
    const jobId = `job-${letters(this.#number)}${letters(this.#jobs++)}`;
    if (!isJobId(jobId)) throw new Error(`Expected a job id, got ${jobId}`);
    return jobId;
  }

  #ask(
    worker: JobWorker,
    question:
      | { type: "reserve"; spec: JobSpec; inputs: typeof INPUTS }
      | { type: "start" }
      | { type: "end"; how: "cancel" | "stop" },
  ): void {
    const asked = { ...question, client: this.peerId, requestId: REQUEST, jobId: this.#jobId };
    this.#world.send(() => worker.hear(asked));
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#round++;
  }

  #later(delayMs: number, action: () => void): void {
    const round = this.#round;
    this.#world.timeline.after(delayMs, () => {
      if (this.#round === round && !this.#isDown) action();
    });
  }
}

/** Ten letters for a number. */
function letters(number: number): string {
  return [...String(number).padStart(10, "0")].map((digit) => "abcdefghij"[Number(digit)]).join("");
}
