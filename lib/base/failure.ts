/** Why something that was asked for could not be done, in a form that a command can act on. */

/** What went wrong, for exit codes and for those who catch it. */
export type FailureKind =
  /** Nobody answers at the server's address. */
  | "server_unreachable"
  /** The server does not let us in: room, token or identity. */
  | "room_refused"
  /** No worker fits, or none is free. */
  | "no_worker"
  /** The worker does not take the job. */
  | "job_refused"
  /** The worker went away in the middle. */
  | "worker_lost"
  /** The trainer ended badly. */
  | "job_failed"
  /** The job was ended because its owner asked for that. */
  | "job_cancelled"
  /** The results have no place here. */
  | "no_place"
  /** Bytes are not those that were promised. */
  | "corrupt"
  /** The other side does not speak as agreed. */
  | "protocol";

/** What could not be done. The message says what was wanted, what was got and what to do next. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
