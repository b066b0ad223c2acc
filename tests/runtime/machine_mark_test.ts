/** How peers find that they are on one machine. */

import { equal, match, notEqual } from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { isOnMachine, MACHINE, machineMark, machineName } from "../../lib/runtime/machine_mark.ts";
import { roomOf } from "../rtc/hello_self.ts";

const ROOM = roomOf("room12345");

function entry(address: string, mac: string, internal = false): NetworkInterfaceInfo {
  const rest = { netmask: "", mac, internal, cidr: null };
  return address.includes(":")
    ? { address, family: "IPv6", scopeid: 0, ...rest }
    : { address, family: "IPv4", ...rest };
}

const WIRE = [entry("10.0.0.2", "02:01")];
const LOOP = [entry("127.0.0.1", "00:00", true)];
const HERE = machineName("lab-1", { lo: LOOP, eth0: WIRE });

for (
  const [what, name, isSame] of [
    ["itself", machineName("lab-1", { lo: LOOP, eth0: WIRE }), true],
    ["interfaces in another order", machineName("lab-1", { eth0: WIRE, lo: LOOP }), true],
    [
      "a virtual cable that a container has brought",
      machineName("lab-1", { lo: LOOP, eth0: WIRE, veth1: [entry("fe80::1", "02:09")] }),
      true,
    ],
    [
      "an address of IPv6 that is new today",
      machineName("lab-1", { lo: LOOP, eth0: [...WIRE, entry("2001:db8::5", "02:01")] }),
      true,
    ],
    ["another host", machineName("lab-2", { lo: LOOP, eth0: WIRE }), false],
    ["another address", machineName("lab-1", { eth0: [entry("10.0.0.3", "02:01")] }), false],
    ["another card", machineName("lab-1", { eth0: [entry("10.0.0.2", "02:02")] }), false],
  ] as const
) {
  Deno.test(`machine mark: ${isSame ? "the same for" : "not that of"} ${what}`, () => {
    const metadata = { properties: { [MACHINE]: machineMark(ROOM, name) } };
    equal(isOnMachine(metadata, machineMark(ROOM, HERE)), isSame);
  });
}

Deno.test("machine mark: it is another one in another room, and says nothing", () => {
  const mark = machineMark(ROOM, HERE);
  match(mark, /^[0-9a-f]{16}$/);
  notEqual(mark, machineMark(roomOf("room12346"), HERE));
});

Deno.test("machine mark: who says nothing of its machine is on another one", () => {
  equal(isOnMachine({ properties: {} }, machineMark(ROOM)), false);
  equal(isOnMachine({ properties: { [MACHINE]: null } }, machineMark(ROOM)), false);
});
