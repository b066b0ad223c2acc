/** Which addresses of this machine a link may use. Knows the machine's interfaces only. */

import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";

/** The one address of a machine that has no other. */
const LOOPBACK = "127.0.0.1";

/** The addresses that another machine might reach. Link-local ones need a zone and are left out. */
export function outwardAddresses(interfaces = networkInterfaces()): NetworkInterfaceInfo[] {
  return Object.values(interfaces).flatMap((entries) => entries ?? [])
    .filter((entry) => !entry.internal && !/^(169\.254\.|fe[89ab])/i.test(entry.address));
}

/**
 * The addresses that another machine might reach, or the loopback address where there is none, so
 * that peers on one offline machine still find each other.
 */
export function hostAddresses(interfaces = networkInterfaces()): readonly string[] {
  const addresses = outwardAddresses(interfaces).map((entry) => entry.address);
  return addresses.length > 0 ? [...new Set(addresses)] : [LOOPBACK];
}

/** Whether `addresses` are those of a machine without a network. */
export function isOffline(addresses: readonly string[]): boolean {
  return addresses.length === 1 && addresses[0] === LOOPBACK;
}

/** Whether that is an address of this machine. */
export function isOurs(address: string, interfaces = networkInterfaces()): boolean {
  return Object.values(interfaces).some((entries) =>
    entries?.some((entry) => entry.address === address)
  );
}
