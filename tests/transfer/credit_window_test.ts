import { equal } from "node:assert/strict";
import fc from "fast-check";
import { CreditWindow } from "../../lib/transfer/credit_window.ts";

const steps: [string, (window: CreditWindow) => void, number][] = [
  ["is open at first", () => {}, 100],
  ["closes as bytes are sent", (window) => window.sent(60), 40],
  ["is shut when full", (window) => window.sent(100), 0],
  ["never opens below nothing", (window) => window.sent(130), 0],
  ["opens as bytes are received", (window) => {
    window.sent(100);
    window.received(30);
  }, 30],
  ["does not take credit back", (window) => {
    window.sent(100);
    window.received(30);
    window.received(10);
  }, 30],
  ["gives no credit for what was not sent", (window) => {
    window.sent(10);
    window.received(1_000_000);
    window.sent(100);
  }, 0],
];
for (const [what, act, open] of steps) {
  Deno.test(`credit window: ${what}`, () => {
    const window = new CreditWindow(100);
    act(window);
    equal(window.openBytes, open);
  });
}

Deno.test("credit window: whatever a receiver says, no more than the window is on its way", () => {
  fc.assert(fc.property(fc.array(fc.nat(1_000)), (claims) => {
    const window = new CreditWindow(100);
    let sent = 0;
    for (const claim of claims) {
      sent += window.openBytes;
      window.sent(window.openBytes);
      window.received(claim);
      if (sent - window.receivedBytes > 100) return false;
    }
    return true;
  }));
});
