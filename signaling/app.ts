/**
 * The HTTP interface as a value: its routes, the limits of its bodies, its refusals and its counts.
 * Knows no port, no socket and no file.
 */

import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Log } from "../lib/base/log.ts";
import type { Clock } from "../lib/base/time.ts";
import { Authority } from "./authority.ts";
import { Buckets } from "./bucket.ts";
import type { RandomBytes } from "./credential.ts";
import { addDiscoveryRoutes } from "./discovery_routes.ts";
import type { Meter } from "./fact.ts";
import type { Guesses } from "./guesses.ts";
import { HttpRefusal, tooMany } from "./http_refusal.ts";
import type { Identity } from "./identity/identity.ts";
import type { SignalingLimits } from "./limits.ts";
import type { Metrics } from "./metrics.ts";
import type { AppEnv } from "./request.ts";
import { addRoomRoutes } from "./room_routes.ts";
import { ROUTES } from "./route.ts";
import { addStatusRoutes } from "./status_routes.ts";
import type { Store } from "./store/store.ts";
import type { LiveRooms } from "./switchboard.ts";

/** What the app runs on. */
export interface AppPorts {
  readonly rooms: LiveRooms;
  readonly store: Store;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly log: Log;
  readonly meter: Meter;
  readonly metrics: Pick<Metrics, "contentType" | "text">;
  readonly limits: SignalingLimits;
  /** Wrong credentials, counted together with those on sockets. */
  readonly guesses: Guesses;
  /** Where the server is reached, for its own description; left out, that is relative. */
  readonly publicUrl?: string | undefined;
}

const PATHS: ReadonlySet<string> = new Set(ROUTES.map(({ path }) => path));

/** Makes the app. */
export function createApp(ports: AppPorts): Hono<AppEnv> {
  const { clock, log, meter, limits } = ports;
  const authority = new Authority(ports);
  const app = new Hono<AppEnv>();

  app.use(async (c, next) => {
    const startedAt = clock.now();
    await next();
    // Strangers choose paths and methods: only known ones become names of numbers.
    const route = PATHS.has(c.req.path) ? c.req.path : "unknown";
    const method = c.req.method === "GET" || c.req.method === "POST" ? c.req.method : "other";
    const tookMs = clock.now() - startedAt;
    meter.count({ kind: "request_answered", route, method, status: c.res.status, tookMs });
  });

  const requests = new Buckets(limits.requests);
  app.use(async (c, next) => {
    const { address } = c.env;
    const now = clock.now();
    if (requests.take(address, now)) return await next();
    throw tooMany("requests from this address", requests.waitMs(address, now));
  });

  app.use(bodyLimit({
    maxSize: limits.bodyBytesMax,
    onError: () => {
      const text = `Expected a body of at most ${limits.bodyBytesMax} bytes, got more`;
      throw new HttpRefusal(413, "BODY_TOO_LARGE", text);
    },
  }));

  addRoomRoutes(app, ports, authority);
  addDiscoveryRoutes(app, ports, authority);
  addStatusRoutes(app, ports);

  app.notFound((c) => {
    const text = `Expected a known route, got ${c.req.method} ${c.req.path.slice(0, 100)}`;
    meter.count({ kind: "refused", by: "http", code: "NOT_FOUND" });
    return c.json(new HttpRefusal(404, "NOT_FOUND", text).body, 404);
  });

  app.onError((error, c) => {
    const refused = error instanceof HttpRefusal ? error : new HttpRefusal(
      500,
      "INTERNAL",
      "The server failed at this request; its log says why",
      { cause: error },
    );
    meter.count({ kind: "refused", by: "http", code: refused.code });
    if (refused.status >= 500) {
      const fields = { path: c.req.path, error: String(refused.cause ?? refused.message) };
      log.write("error", "A request failed", fields);
    }
    return c.json(refused.body, refused.status, { ...refused.headers });
  });

  return app;
}
