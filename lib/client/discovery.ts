/** Asks a room once which workers it has. */

import type { Filters } from "../protocol/query.ts";
import { type Discovery, Session, type SessionOptions } from "./session.ts";

/**
 * The workers of a room, and which way the answer came.
 *
 * @throws {Failure} Where the server does not answer, or does not let us in.
 */
export async function discoverWorkers(
  room: SessionOptions["room"],
  filters: Filters,
  options: Omit<SessionOptions, "room">,
): Promise<Discovery> {
  const session = await Session.open({ room, ...options });
  try {
    return await session.discover(filters);
  } finally {
    await session.close();
  }
}
