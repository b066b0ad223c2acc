/** Whether a room has come to rest, and in words why it has not. */

import { isDeepStrictEqual } from "node:util";
import type { Instant } from "../../lib/base/time.ts";
import { electAdmin } from "../../lib/mesh/election.ts";
import { gpuMemoryMb } from "../../lib/protocol/worker.ts";
import type { WorkerLife } from "./worker_life.ts";
import type { World } from "./world.ts";

/** The worker that must lead: the best of the living. */
export function bestOf(lives: readonly WorkerLife[]): string | undefined {
  return electAdmin(
    lives.map(({ peerId, metadata }) => ({ peerId, gpuMemoryMb: gpuMemoryMb(metadata) })),
  );
}

/**
 * Who holds a worker for living that does not live; `undefined` where nobody does. Those that died, began
 * or were well again after `before` are left out.
 */
export function ghostIn(world: World, before: Instant = Infinity): string | undefined {
  const spared = new Set<string>(
    world.machines.flatMap(({ life }) =>
      life !== undefined && (life.state !== "dead" || life.unsettledAt > before)
        ? [life.peerId]
        : []
    ),
  );
  for (const { name, view, unsettledAt } of world.lives) {
    if (unsettledAt > before) continue;
    for (const [peerId, liveness] of view.liveness) {
      if (!spared.has(peerId) && (liveness === "alive" || liveness === "suspect")) {
        return `${name} holds the dead ${peerId} for ${liveness}`;
      }
    }
  }
  return undefined;
}

/** Why the room is not at rest although nothing is wrong any more; `undefined` where it is. */
export function pending(world: World): string | undefined {
  const lives = world.lives;
  const best = bestOf(lives);
  const ghost = ghostIn(world);
  if (ghost !== undefined) return ghost;
  let heads: string | undefined;
  for (const life of lives) {
    const view = life.view;
    const name = life.name;
    if (view.partitioned) return `${name} believes that it is partitioned`;
    if (view.admin !== best) return `${name} follows ${view.admin ?? "nobody"}, not ${best}`;
    if (view.leads !== (name === best)) {
      return `${name} ${view.leads ? "leads" : "does not lead"}, but ${best} is the best`;
    }
    for (const other of lives) {
      if (other === life) continue;
      const liveness = view.liveness.get(other.peerId) ?? "not known";
      if (liveness !== "alive") return `${name} holds the living ${other.name} for ${liveness}`;
      if (!view.links.includes(other.peerId)) return `${name} has no link to ${other.name}`;
      const seen = view.entries.get(other.peerId);
      if (seen?.status !== other.shownStatus || seen.incarnation !== other.incarnation) {
        return `${name} sees ${other.name} as ${
          seen?.status ?? "absent"
        }, not ${other.shownStatus}`;
      }
    }
    const wrong = lives.map((other) => misreading(view, other)).find((word) => word !== undefined);
    if (wrong !== undefined) return `${name} ${wrong}`;
    const unserved = view.waiting.find(({ is_present }) => is_present);
    if (unserved !== undefined) return `${unserved.job_id} still waits, says ${name}`;
    if (view.held !== undefined) return `${name} is held for ${view.held.job_id}`;
    if (view.dialling > 0) return `${name} still dials`;
    const [again] = view.retries.keys();
    if (again !== undefined) return `${name} will dial ${again} again`;
    heads ??= view.heads.join();
    if (view.heads.join() !== heads) return `${name} has another room state than ${lives[0]?.name}`;
  }
  for (const { name, request } of world.queuers) {
    if (request !== undefined) return `${name} waits for ${request.jobId}`;
  }
  const runs = lives.find(({ desk }) => desk?.jobId !== undefined);
  if (runs !== undefined) return `${runs.name} has ${runs.desk?.jobId}`;
  const { peerId, epoch } = world.server.admin;
  if (lives.length > 0 && peerId !== best) {
    return `The server holds ${peerId ?? "nobody"} for the admin, not ${best}`;
  }
  for (const { name, view } of lives) {
    if (view.epoch !== epoch) return `${name} is in epoch ${view.epoch}, the server in ${epoch}`;
  }
  return undefined;
}

/** What `view` has wrong of another's entry besides its status; `undefined` where nothing. */
function misreading({ entries }: WorkerLife["view"], other: WorkerLife): string | undefined {
  const seen = entries.get(other.peerId);
  const job = other.currentJob ?? other.view.held ?? null;
  if (seen === undefined) return `has no entry of ${other.name}`;
  if (!isDeepStrictEqual(seen.current_job, job)) {
    return `sees ${other.name} with job ${seen.current_job?.job_id}, not ${job?.job_id}`;
  }
  return isDeepStrictEqual(seen.metadata, other.metadata)
    ? undefined
    : `sees other metadata of ${other.name} than it has`;
}
