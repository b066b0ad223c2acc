/** The routes that list workers from the server's own copy: the original's way, which is to go away. */

import type { Context, Hono } from "hono";
import type { RoomId } from "../lib/base/id.ts";
import { SECOND_MS } from "../lib/base/time.ts";
import type { Filters } from "../lib/protocol/query.ts";
import type { AppPorts } from "./app.ts";
import type { Authority } from "./authority.ts";
import { type AppEnv, bodyOf, credentialsOf, queryOf } from "./request.ts";
import { discoverQuerySchema, discoverSchema } from "./request_body.ts";

/** When it became deprecated (RFC 9745), and six months later, when it may go (RFC 8594). */
const DEPRECATED_AT = Date.UTC(2026, 10, 20);
const SUNSET_AT = Date.UTC(2027, 4, 20);
/** What is told with each answer, and what replaces it. The plan is docs/decisions/013. */
const DEPRECATION = {
  deprecation: `@${DEPRECATED_AT / SECOND_MS}`,
  sunset: new Date(SUNSET_AT).toUTCString(),
  link: '</ws>; rel="successor-version", </docs>; rel="deprecation"; type="text/html"',
};

/** Adds the routes to `app`. */
export function addDiscoveryRoutes(
  app: Hono<AppEnv>,
  { rooms, clock, meter }: AppPorts,
  authority: Authority,
): void {
  app.get("/discover-workers", async (c) => {
    const { room_id, ...filters } = queryOf(c, discoverQuerySchema);
    return await listed(c, { room_id, filters, token: undefined });
  });

  app.post("/discover-workers", async (c) => listed(c, await bodyOf(c, discoverSchema)));

  async function listed(
    c: Context<AppEnv>,
    asked: {
      readonly room_id: RoomId;
      readonly filters: Filters;
      readonly token?: string | undefined;
    },
  ): Promise<Response> {
    const startedAt = clock.now();
    await authority.room(asked.room_id, credentialsOf(c, asked.token));
    const list = rooms.workerList(asked.room_id, asked.filters);
    const feature = `${c.req.method} /discover-workers`;
    meter.count({ kind: "legacy_used", feature, client: c.env.program });
    meter.count({ kind: "discovered", way: "http", tookMs: clock.now() - startedAt });
    return c.json(list, 200, DEPRECATION);
  }
}
