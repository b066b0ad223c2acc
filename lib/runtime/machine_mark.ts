/**
 * Whether two peers of a room are in one machine's network, told by a property of theirs. Knows names
 * and addresses, no links.
 */

import { createHash } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import type { RoomId } from "../base/id.ts";
import type { Metadata } from "../protocol/worker.ts";
import { outwardAddresses } from "../rtc/host_address.ts";

/** The property by which a worker says on which machine it is. */
export const MACHINE = "machine";
/** Hexadecimal digits of the digest. Higher: longer descriptions; lower: strangers look like us. */
const DIGITS = 16;

/** The mark of this machine in one room: in another room it has another one. */
export function machineMark(roomId: RoomId, machine: string = machineName()): string {
  return createHash("sha256").update(`${roomId}\n${machine}`).digest("hex").slice(0, DIGITS);
}

/** Whether whoever says that of itself is on the machine with that mark. */
export function isOnMachine({ properties }: Pick<Metadata, "properties">, mark: string): boolean {
  return properties[MACHINE] === mark;
}

/**
 * What no other machine is called, nor another network on this one: a container has its own name, and
 * its own interfaces. Addresses of IPv6 are left out, some change daily. `/proc` would say it in one word, but a compiled program may not read it.
 */
export function machineName(host = hostname(), interfaces = networkInterfaces()): string {
  const lasting = outwardAddresses(interfaces).flatMap(({ mac, family, address }) =>
    family === "IPv4" ? [mac, address] : [mac]
  );
  return [host, ...[...new Set(lasting)].sort()].join("\n");
}
