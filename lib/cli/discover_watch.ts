/** Shows a room while it changes, until the person has seen enough: `discover --watch`. */

import type { PeerId } from "../base/id.ts";
import { type LinkedOptions, LinkedSession } from "../client/linked_session.ts";
import { RoomWatch } from "../client/room_watch.ts";
import type { Filters } from "../protocol/query.ts";
import { systemClock } from "../runtime/clock.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { whileRead } from "./reader.ts";
import { WatchScreen } from "./watch_screen.ts";

/** What is shown. */
export interface WatchRequest {
  readonly filters: Filters;
  /** The worker to watch first. */
  readonly from: PeerId | undefined;
  readonly json: boolean;
}

/**
 * Shows the room until the signal of `options` is aborted. Gives the exit code: Ctrl-C is the regular
 * end of a watch.
 *
 * @throws {Failure} Where the server does not answer, or does not let us in.
 * @throws {Deno.errors.BrokenPipe} Where nobody reads any more.
 * @throws The signal's reason, where it is aborted before we are in the room.
 */
export async function showRoom(
  { filters, from, json }: WatchRequest,
  options: LinkedOptions,
  io: Io,
): Promise<number> {
  await using linked = await LinkedSession.open(options);
  const unread = new AbortController();
  const screen = new WatchScreen(whileRead(io, unread), {
    json,
    filters,
    clock: systemClock,
    list: () => watch.list({}),
  });
  const watch = new RoomWatch(linked.session, linked.backend, {
    ...options,
    signal: AbortSignal.any([options.signal, unread.signal]),
    from,
    hear: (event) => screen.hear(event),
  });
  try {
    await watch.over;
  } finally {
    screen.close();
  }
  unread.signal.throwIfAborted();
  return options.signal.reason === "SIGTERM" ? EXIT.terminated : EXIT.ok;
}
