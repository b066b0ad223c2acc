/** One question of a client to a worker about a job, and its answer. Knows nothing of what follows from it. */

import { newRequestId } from "../runtime/chance.ts";
import type { JobMessage } from "../protocol/job_message.ts";
import type { VisitWait } from "./visit_wait.ts";

/** What a client may ask. */
export type Question = Extract<
  JobMessage,
  { type: "job_reserve" | "job_inquire" | "job_start" | "job_follow" | "job_cancel" | "job_stop" }
>;
/** What a worker may answer. */
export type Answer = Extract<
  JobMessage,
  { type: "job_lease" | "job_suitable" | "job_refused" | "job_accepted" | "job_following" }
>;
/** That a worker refuses, and why. */
export type JobRefusedAnswer = Extract<JobMessage, { type: "job_refused" }>;

/** A question without its number. */
type Unnumbered<Asked> = Asked extends Question ? Omit<Asked, "request_id"> : never;

/** The questions of one visit, one at a time. */
export class JobQuestions {
  readonly #wait: VisitWait;
  #asked: { readonly question: Question; readonly answer: (answer: Answer) => void } | undefined;

  constructor(wait: VisitWait) {
    this.#wait = wait;
  }

  /**
   * Asks by way of `say`, and waits for the answer.
   *
   * @throws {Failure} Where none comes in time.
   * @throws The reason of the visit's end.
   */
  async ask(asked: Unnumbered<Question>, say: (question: Question) => void): Promise<Answer> {
    const question: Question = { ...asked, request_id: newRequestId() };
    const answered = new Promise<Answer>((answer) => this.#asked = { question, answer });
    say(question);
    try {
      return await this.#wait.forAnswer(answered, `answer ${question.type}`);
    } finally {
      this.#asked = undefined;
    }
  }

  /** Takes an answer; gives whether it is one to what was asked. `job_accepted` has no number. */
  take(answer: Answer): boolean {
    const asked = this.#asked;
    if (asked === undefined) return false;
    const isMeant = answer.type === "job_accepted"
      ? asked.question.type === "job_start"
      : answer.request_id === asked.question.request_id;
    if (isMeant) asked.answer(answer);
    return isMeant;
  }
}
