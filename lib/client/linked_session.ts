/** A session whose client can also link to workers: with a WebRTC backend, and all of it freed together. */

import { selectBackend } from "../rtc/backend.ts";
import { guardAgainstStrayFailures, type StrayFailureGuard } from "../rtc/guard.ts";
import type { IceServer, LinkBackend } from "../rtc/link.ts";
import type { RtcChoice } from "../runtime/config.ts";
import { Session, type SessionOptions } from "./session.ts";

/** Who enters which room, and how workers are linked to. */
export interface LinkedOptions extends SessionOptions {
  readonly rtc: RtcChoice;
  readonly iceServers: readonly IceServer[];
}

/** A session with a backend. Links must be closed before it is disposed of. */
export class LinkedSession implements AsyncDisposable {
  readonly session: Session;
  readonly backend: LinkBackend;
  readonly #guard: StrayFailureGuard;

  private constructor(session: Session, backend: LinkBackend, guard: StrayFailureGuard) {
    this.session = session;
    this.backend = backend;
    this.#guard = guard;
  }

  /**
   * Enters the room and loads the backend.
   *
   * @throws {Failure} Where the server does not answer, or does not let us in.
   * @throws {Error} Where the backend that was asked for does not load.
   * @throws The signal's reason, where it is aborted.
   */
  static async open(options: LinkedOptions): Promise<LinkedSession> {
    const session = await Session.open(options);
    try {
      const backend = await selectBackend(options.rtc, options.log);
      return new LinkedSession(session, backend, guardAgainstStrayFailures(options.log));
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
    await this.backend.dispose();
    this.#guard[Symbol.dispose]();
  }
}
