import assert from "node:assert/strict";
import { callerOf } from "../../signaling/caller.ts";

Deno.test("caller: whose address counts, with and without a proxy of ours", () => {
  const table: [remote: string, forwarded: string | undefined, isProxied: boolean, who: string][] =
    [
      ["192.0.2.1", undefined, false, "192.0.2.1"],
      // Nobody but our proxy is believed, and of what it passes on only the part that it wrote.
      ["192.0.2.1", "198.51.100.7", false, "192.0.2.1"],
      ["192.0.2.1", "198.51.100.7", true, "198.51.100.7"],
      ["192.0.2.1", "203.0.113.9, 198.51.100.7", true, "198.51.100.7"],
      ["192.0.2.1", "198.51.100.7:5678", true, "198.51.100.7"],
      ["192.0.2.1", "[2001:db8::1]:5678", true, "2001:db8:0:0::"],
      ["192.0.2.1", "someone", true, "192.0.2.1"],
      ["192.0.2.1", undefined, true, "192.0.2.1"],
      // One household of IPv6 is one caller.
      ["2001:db8:1:2:3:4:5:6", undefined, false, "2001:db8:1:2::"],
      ["2001:db8:1:2::9", undefined, false, "2001:db8:1:2::"],
      ["2001:0db8::9", undefined, false, "2001:db8:0:0::"],
      ["::1", undefined, false, "0:0:0:0::"],
      ["fe80::1%eth0", undefined, false, "fe80:0:0:0::"],
      ["::ffff:192.0.2.1", undefined, false, "192.0.2.1"],
      ["unknown", undefined, false, "unknown"],
    ];
  for (const [remote, forwarded, isProxied, who] of table) {
    const headers = new Headers();
    if (forwarded !== undefined) headers.set("x-forwarded-for", forwarded);
    assert.equal(callerOf(headers, remote, isProxied).address, who, remote);
  }
});

Deno.test("caller: a program is called by the first word that it says of itself", () => {
  const table: [userAgent: string | undefined, program: string][] = [
    ["python-requests/2.31.0", "python-requests"],
    ["Mozilla/5.0 (X11; Linux x86_64)", "Mozilla"],
    ["<script>", "unknown"],
    ["", "unknown"],
    [undefined, "unknown"],
    [`x${"y".repeat(100)}`, `x${"y".repeat(31)}`],
  ];
  for (const [userAgent, program] of table) {
    const headers = new Headers(userAgent === undefined ? {} : { "user-agent": userAgent });
    assert.equal(callerOf(headers, "192.0.2.1", false).program, program);
  }
});
