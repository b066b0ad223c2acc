/** What goes wrong in a simulated lab, drawn from a seed: which kinds, how often and how badly. */

import { below, pick, type Random, shuffle } from "../../lib/base/random.ts";
import { drawMalice } from "./malice.ts";
import { SERVER } from "./signal_server.ts";
import type { World } from "./world.ts";

/** A kind of fault. `wild` is 1 for the mild form and 4 for the wild one. */
interface Kind {
  readonly name: string;
  readonly strike: (world: World, random: Random, wild: number) => void;
}

/** One kind of fault in one seed. */
export interface DrawnFault {
  readonly name: string;
  readonly wild: number;
  /** Between two of them on average, in milliseconds. */
  readonly everyMs: number;
  readonly strike: (world: World, random: Random) => void;
}

const KINDS: readonly Kind[] = [
  { name: "crash", strike: (world, random, wild) => crash(world, random, wild, false) },
  { name: "power loss", strike: (world, random, wild) => crash(world, random, wild, true) },
  { name: "stop", strike: stop },
  { name: "pause", strike: pause },
  {
    name: "server down",
    strike: (world, random, wild) => world.serverDown((1_000 + 8_000 * random.next()) * wild),
  },
  { name: "partition", strike: partition },
  { name: "one way", strike: oneWay },
  { name: "pair apart", strike: pairApart },
  { name: "link cut", strike: cutLink },
  { name: "delay", strike: delay },
  { name: "malice", strike: malice },
  {
    name: "sleep",
    strike: (world, random, wild) => {
      const life = pick(world.lives, random);
      if (life !== undefined) world.sleep(life, (1_000 + 10_000 * random.next()) * wild);
    },
  },
  {
    name: "slow peer",
    strike: (world, random, wild) => {
      const life = pick(world.lives, random);
      if (life !== undefined) world.slow(life, 400 * wild * random.next(), 15_000);
    },
  },
  {
    name: "server forgets",
    strike: (world, random) => world.serverDown(50 + 100 * random.next()),
  },
  { name: "isolation", strike: isolate },
  { name: "churn", strike: churn },
  {
    name: "slow dials",
    strike: (world, random, wild) =>
      world.weather({
        handshakeMs: 400 * wild * random.next(),
        failurePercent: 20 * wild * random.next(),
      }, 15_000),
  },
  {
    name: "late closes",
    strike: (world, _random, wild) =>
      world.weather({ lateCloseMs: 1_500 * wild, doubleClosePercent: 20 * wild }, 20_000),
  },
];

/** Draws the kinds of a seed: each is off, mild or wild ("swarm testing", Groce and others, 2012). */
export function drawFaults(random: Random): DrawnFault[] {
  return KINDS.flatMap(({ name, strike }) => {
    const wild = [0, 0, 1, 4][below(4, random)] ?? 0;
    const everyMs = 6_000 + 20_000 * random.next();
    return wild === 0
      ? []
      : [{ name, wild, everyMs, strike: (world, chance) => strike(world, chance, wild) }];
  });
}

function crash(world: World, random: Random, wild: number, silently: boolean): void {
  const life = pick(world.lives, random);
  const machine = world.machines.find((candidate) => candidate.life === life);
  if (life === undefined || machine === undefined) return;
  life.kill(silently);
  if (random.next() < 0.2) return;
  const clockSetBack = wild > 1 && random.next() < 0.2;
  world.startLater(machine, 50 + 5_000 * wild * random.next(), clockSetBack);
}

function stop(world: World, random: Random, wild: number): void {
  const life = pick(world.lives, random);
  const machine = world.machines.find((candidate) => candidate.life === life);
  if (life === undefined || machine === undefined) return;
  life.stop();
  world.startLater(machine, 200 + 5_000 * wild * random.next());
}

function pause(world: World, random: Random, wild: number): void {
  const life = pick(world.lives, random);
  if (life !== undefined) world.pause(life, 500 + 5_000 * wild * random.next());
}

function partition(world: World, random: Random, wild: number): void {
  cutInTwo(world, random, 1_000 + 10_000 * wild * random.next());
}

/** Cuts the room in two for a time, the server with either side or with both. */
export function cutInTwo(world: World, random: Random, durationMs: number): void {
  const names = shuffle(world.machines.map((machine) => machine.peerId), random);
  const side = new Set<string>(names.slice(0, 1 + below(names.length - 1, random)));
  const serverWith = below(3, random);
  const blocks = (from: string, to: string) => {
    if (from === SERVER || to === SERVER) {
      const worker = from === SERVER ? to : from;
      return serverWith < 2 && side.has(worker) !== (serverWith === 0);
    }
    return side.has(from) !== side.has(to);
  };
  world.trouble({ blocks }, durationMs);
}

function isolate(world: World, random: Random, wild: number): void {
  const alone = pick(world.machines, random)?.peerId;
  const server = random.next() < 0.5;
  const blocks = (from: string, to: string) =>
    (from === alone && (server || to !== SERVER)) || (to === alone && (server || from !== SERVER));
  world.trouble({ blocks }, 1_000 + 10_000 * wild * random.next());
}

/** Several workers at once end and come back, in order or not. */
function churn(world: World, random: Random, wild: number): void {
  for (const life of shuffle(world.lives, random).slice(0, wild)) {
    const machine = world.machines.find((candidate) => candidate.life === life);
    if (machine === undefined) continue;
    if (random.next() < 0.5) life.stop();
    else life.kill();
    world.startLater(machine, 150 + 400 * random.next());
  }
}

function malice(world: World, random: Random, wild: number): void {
  const liar = pick(world.lives.filter((life) => life.state === "running"), random);
  const about = pick(world.machines, random);
  if (liar === undefined || about === undefined || about.peerId === liar.peerId) return;
  const { peerId: third, highest: thirdLife } = about;
  const ends = world.links.endsOf(liar).filter((end) => end.state === "open");
  for (const { linkId, peerId } of shuffle(ends, random).slice(0, wild)) {
    const victim = world.machines.find((machine) => machine.peerId === peerId)?.life;
    // The client hears no lies: it takes no part in the mesh.
    if (victim === undefined) continue;
    const { heads, epoch, size: { operations } } = liar.view;
    const message = drawMalice({
      roomId: world.roomId,
      liar: liar.peerId,
      victim: peerId,
      victimLife: victim.incarnation,
      third,
      thirdLife,
      heads,
      operations,
      epoch,
      random,
    });
    world.links.send(liar, linkId, world.wire.mesh(message));
    world.noteWrong();
  }
}

function oneWay(world: World, random: Random, wild: number): void {
  const [deaf, mute] = shuffle(world.endpoints, random);
  const everybody = random.next() < 0.3;
  const blocks = (from: string, to: string) => from === mute && (everybody || to === deaf);
  world.trouble({ blocks }, 1_000 + 10_000 * wild * random.next());
}

function pairApart(world: World, random: Random, wild: number): void {
  const [one, other] = shuffle(world.machines.map((machine) => machine.peerId), random);
  const blocks = (from: string, to: string) =>
    (from === one && to === other) || (from === other && to === one);
  world.trouble({ blocks }, 2_000 + 15_000 * wild * random.next());
}

function cutLink(world: World, random: Random): void {
  const ends = world.lives.flatMap((life) => world.links.endsOf(life));
  const end = pick(ends, random);
  if (end === undefined) return;
  world.links.drop(end.user, end.linkId, "A fault cut it");
  world.noteWrong();
}

function delay(world: World, random: Random, wild: number): void {
  const slow = pick(world.endpoints, random);
  const extraMs = 150 * wild * random.next();
  const everybody = random.next() < 0.3;
  world.trouble({
    delayMs: (from, to) => everybody || from === slow || to === slow ? extraMs : 0,
  }, 2_000 + 10_000 * random.next());
}
