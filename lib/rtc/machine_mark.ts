/**
 * Whether the two ends of a link are in one machine's network, told by a line in their descriptions.
 * Knows addresses and a line of SDP, no WebRTC.
 *
 * The line is a digest of what the machine's network is called, and of the link: who sees it learns
 * nothing, and sees another one on the next link.
 */

import { createHash } from "node:crypto";
import { hostname, networkInterfaces } from "node:os";
import type { LinkId } from "../base/id.ts";

const ATTRIBUTE = "a=x-sleap-rtc-machine:";
/** Hexadecimal digits of the digest. Higher: longer descriptions; lower: strangers look like us. */
const DIGITS = 32;

/** The mark of one link on this machine. */
export class MachineMark {
  readonly #line: string;

  constructor(linkId: LinkId, machine: string = machineName()) {
    const digest = createHash("sha256").update(`${linkId}\n${machine}`).digest("hex");
    this.#line = `${ATTRIBUTE}${digest.slice(0, DIGITS)}`;
  }

  /** That description with the mark, before its first section. */
  on(sdp: string): string {
    return sdp.replace(/^m=/m, `${this.#line}\r\nm=`);
  }

  /** Whether whoever wrote that description is on this machine, and in the same of its networks. */
  isOn(sdp: string): boolean {
    return sdp.split(/\r?\n/).includes(this.#line);
  }
}

/**
 * What no other machine is called, nor another network on this one: a container has its own name, and
 * its own interfaces. `/proc` would say it in one word, but a compiled program may not read it.
 */
function machineName(): string {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([name, entries = []]) =>
    entries.map(({ address, mac }) => `${name} ${mac} ${address}`)
  );
  return [hostname(), ...interfaces.sort()].join("\n");
}
