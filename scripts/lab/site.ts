/** Where the programs of a lab run: all on this machine, or each in a network of its own. Starts nothing. */

/** A place of a lab: the signaling server's, or that of a worker, by its name. */
export type Place = string;

/** The place of the signaling server. */
export const SERVER_PLACE: Place = "server";

/** Where the programs of a lab run. */
export interface Site {
  /** The address that the server listens on, and that all places reach it by. */
  readonly serverHost: string;
  /** Whether this process itself reaches that address. */
  readonly isReachable: boolean;
  /** What starts a program at `place`: an executable and its arguments, before the program's own. */
  within(place: Place): readonly string[];
}

/** This machine, over loopback: every place is the same. */
export const LOOPBACK: Site = {
  serverHost: "127.0.0.1",
  isReachable: true,
  within: () => [],
};
