import assert from "node:assert/strict";
import { Attendance } from "../../../signaling/identity/attendance.ts";

function watched(answer: () => Promise<void> = () => Promise.resolve()) {
  const told: string[] = [];
  const log: string[] = [];
  const tell = (word: string) => (subject: string) => {
    told.push(`${word} ${subject}`);
    return answer();
  };
  const attendance = new Attendance(
    { keep: tell("keep"), forget: tell("forget") },
    { write: (level) => void log.push(level) },
  );
  return { attendance, told, log };
}

Deno.test("attendance: a user is forgotten when its last peer has gone, and once", async () => {
  const { attendance, told, log } = watched();
  attendance.arrived("ann");
  attendance.arrived("ann");
  attendance.arrived("bob");
  attendance.left("ann");
  await attendance.finished();
  assert.deepEqual(told, ["keep ann", "keep bob"]);
  attendance.left("ann");
  attendance.left("ann");
  attendance.left("stranger");
  await attendance.finished();
  assert.deepEqual(told.slice(2), ["forget ann"]);
  attendance.keepAll();
  await attendance.finished();
  assert.deepEqual(told.slice(3), ["keep bob"]);
  assert.deepEqual(log, []);
});

Deno.test("attendance: who changes sockets is not forgotten", async () => {
  const { attendance, told } = watched();
  attendance.arrived("ann");
  attendance.left("ann");
  attendance.arrived("ann");
  await attendance.finished();
  assert.equal(told.includes("forget ann"), false);
});

Deno.test("attendance: a provider that does not answer is logged and stops nothing", async () => {
  const { attendance, told, log } = watched(() => Promise.reject(new Error("Down")));
  attendance.arrived("ann");
  await attendance.finished();
  attendance.left("ann");
  await attendance.finished();
  attendance.arrived("ann");
  attendance.arrived("bob");
  attendance.keepAll();
  await attendance.finished();
  const each = ["keep ann", "forget ann", "keep ann", "keep bob", "keep ann", "keep bob"];
  assert.deepEqual(told, each);
  assert.deepEqual(log, each.map(() => "warning"));
});

Deno.test("attendance: it tells one thing after the other, however slow the provider is", async () => {
  let open = 0;
  let openMost = 0;
  const { attendance, told } = watched(async () => {
    openMost = Math.max(openMost, ++open);
    await Promise.resolve();
    open--;
  });
  for (let peer = 0; peer < 50; peer++) attendance.arrived(`user${peer}`);
  attendance.keepAll();
  await attendance.finished();
  assert.equal(told.length, 100);
  assert.equal(openMost, 1);
});

Deno.test("attendance: a server that stops forgets nobody, and does not wait", async () => {
  const { attendance, told } = watched();
  attendance.arrived("ann");
  await attendance.finished();
  attendance.drain();
  attendance.left("ann");
  await attendance.finished();
  assert.deepEqual(told, ["keep ann"]);
});

Deno.test("attendance: what waits for a silent provider is bounded", async () => {
  let answer = () => {};
  const silence = new Promise<void>((resolve) => answer = resolve);
  const { attendance, told, log } = watched(() => silence);
  for (let peer = 0; peer < 10_100; peer++) attendance.arrived(`user${peer}`);
  assert(log.length >= 99 && log.length <= 100, `${log.length} dropped`);
  answer();
  await attendance.finished();
  assert.equal(told.length, 10_100 - log.length);
});
