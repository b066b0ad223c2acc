/**
 * A room of five through what befalls processes, one after another, with a client that discovers
 * throughout. `deno task prove-mesh` does the same with ten, at length, and in a network laboratory.
 */

import { MeshRoom } from "../../scripts/proof/mesh/mesh_room.ts";
import { form, kill, leave, pause, server } from "../../scripts/proof/mesh/process_fault.ts";

Deno.test("e2e: five workers live through pauses, departures, deaths and a lost server", async (test) => {
  await using room = await MeshRoom.open("auto");
  await form(room, 5);
  const faults = {
    "the admin stands still for 4 s": pause,
    "the server is killed while a worker leaves": server,
    "the admin leaves": leave,
    "the admin is killed": kill,
  };
  for (const [name, befall] of Object.entries(faults)) {
    const isBorne = await test.step(name, async () => {
      await befall(room);
    });
    if (!isBorne) return;
  }
});
