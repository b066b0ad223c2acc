/** Who calls, as far as a request tells: an address to count by, and the name of a program. Knows no one. */

import { isIP } from "node:net";

/** Who calls. Neither part is proof of anything. */
export interface Caller {
  /** An IPv4 address, or the first half of an IPv6 one: whoever has one address of it has them all. */
  readonly address: string;
  /** The first word of `User-Agent`, or `unknown`. */
  readonly program: string;
}

/**
 * Reads who calls.
 *
 * @param remote The other end of the TCP connection.
 * @param isProxied Whether that end is a proxy of ours, which writes the caller's address behind those
 * that `X-Forwarded-For` already has. Only this last one is believed.
 */
export function callerOf(headers: Headers, remote: string, isProxied: boolean): Caller {
  const last = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
  // Some proxies write the caller's port, too.
  const forwarded = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(last)?.[1] ??
    /^\[([^\]]+)\](:\d+)?$/.exec(last)?.[1] ?? last;
  const address = isProxied && isIP(forwarded) !== 0 ? forwarded : remote;
  const program = /^[A-Za-z][A-Za-z0-9._-]{0,31}/.exec(headers.get("user-agent") ?? "")?.[0];
  return { address: groupOf(address), program: program ?? "unknown" };
}

/** The part of `address` that a network is given as a whole: /64 of IPv6 (RFC 6177), all of IPv4. */
export function groupOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (isIP(address) !== 6) return address;
  const [head = "", tail = ""] = (address.split("%")[0] ?? "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  const groups = address.includes("::") ? [...before, ...zeros, ...after] : before;
  return `${
    groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(":")
  }::`;
}
