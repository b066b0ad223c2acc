/** A server that is killed while it writes: whatever it has promised must be there afterwards (issue 4). */

import { z } from "zod";
import type { ProofServer } from "./proof_server.ts";
import { type Finding, pause } from "./siege.ts";

/** Makers at once, each with an address of its own. */
const MAKERS = 8;
/** The longest time that a server lives between two kills. */
const LIFE_MS_MAX = 300;

const signInSchema = z.object({ id_token: z.string() });
const roomSchema = z.object({ room_id: z.string(), token: z.string() });
type Room = z.infer<typeof roomSchema>;

/** Has rooms made and extended without a pause, kills the server `rounds` times, and looks for each room. */
export async function killWhileWriting(server: ProofServer, rounds: number): Promise<Finding> {
  const ask = async (path: string, maker: number, init: RequestInit = {}) => {
    const headers = { ...init.headers, "x-forwarded-for": `198.51.100.${maker}` };
    return await fetch(`${server.url}${path}`, { method: "POST", ...init, headers });
  };
  const made: Room[] = [];
  let lost = 0;
  let cut = 0;
  for (let round = 0; round < rounds; round++) {
    let isKilled = false;
    const makers = Array.from({ length: MAKERS }, async (_, index) => {
      const maker = round * MAKERS + index;
      try {
        const { id_token } = signInSchema.parse(
          await (await ask("/anonymous-signin", maker)).json(),
        );
        const headers = { authorization: `Bearer ${id_token}` };
        while (!isKilled) {
          const answer = await ask("/create-room", maker, { headers });
          if (answer.ok) made.push(roomSchema.parse(await answer.json()));
          else await answer.body?.cancel();
        }
      } catch (error) {
        // The server went while it was asked, as it must.
        if (!isKilled) throw error;
        cut++;
      }
    });
    await pause(Math.ceil(LIFE_MS_MAX * (round + 1) / rounds));
    isKilled = true;
    await server.restart();
    await Promise.all(makers);
  }
  for (const [index, { room_id, token }] of made.entries()) {
    const body = JSON.stringify({ room_id, token });
    const answer = await ask("/discover-workers", index % 250, { body });
    await answer.body?.cancel();
    if (!answer.ok) lost++;
  }
  return { proof: "kill", ok: lost === 0 && made.length > 0, rounds, made: made.length, cut, lost };
}
