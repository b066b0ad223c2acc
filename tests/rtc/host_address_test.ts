/** Which addresses a link may use. */

import { deepEqual, equal } from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { hostAddresses, isOffline, isOurs } from "../../lib/rtc/host_address.ts";

function entry(address: string, internal = false): NetworkInterfaceInfo {
  const rest = { netmask: "", mac: "", internal, cidr: null };
  return address.includes(":")
    ? { address, family: "IPv6", scopeid: 0, ...rest }
    : { address, family: "IPv4", ...rest };
}

Deno.test("real addresses win over loopback and link-local ones", () => {
  const addresses = hostAddresses({
    lo: [entry("127.0.0.1", true), entry("::1", true)],
    veth1: [entry("10.0.0.2"), entry("fe80::1"), entry("fd00::2"), entry("169.254.1.1")],
  });
  deepEqual(addresses, ["10.0.0.2", "fd00::2"]);
  equal(isOffline(addresses), false);
});

Deno.test("a machine without a network talks to itself", () => {
  for (const interfaces of [{}, { lo: [entry("127.0.0.1", true)], eth0: [entry("fe80::1")] }]) {
    deepEqual(hostAddresses(interfaces), ["127.0.0.1"]);
    equal(isOffline(hostAddresses(interfaces)), true);
  }
});

Deno.test("an address is ours where an interface has it", () => {
  const interfaces = { lo: [entry("127.0.0.1", true)], veth1: [entry("10.0.0.2")] };
  deepEqual(["127.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) => isOurs(address, interfaces)), [
    true,
    true,
    false,
  ]);
});
