import assert from "node:assert/strict";
import { LogBrake } from "../../signaling/log_brake.ts";

Deno.test("log brake: of each sentence so many pass, and of the rest it is told how many there were", () => {
  let nowMs = 0;
  const lines: string[] = [];
  const inner = {
    write: (_level: string, message: string, fields?: unknown) =>
      void lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  const brake = new LogBrake(inner, { now: () => nowMs }, { capacity: 2, perSecond: 1 });
  for (let count = 0; count < 5; count++) brake.write("info", "Refused", { count });
  brake.write("warning", "Another");
  assert.deepEqual(lines.splice(0), ['Refused {"count":0}', 'Refused {"count":1}', "Another {}"]);
  nowMs = 1_000;
  brake.write("info", "Refused", { count: 5 });
  brake.write("info", "Refused", { count: 6 });
  assert.deepEqual(lines, ['Refused {"count":5,"withheld":3}']);
});
