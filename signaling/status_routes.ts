/** The routes that say how the server is and what it offers. They show nothing of any room or peer. */

import type { Hono } from "hono";
import { PROTOCOL_VERSION, SOFTWARE_VERSION } from "../lib/protocol/version.ts";
import type { AppPorts } from "./app.ts";
import { answered } from "./authority.ts";
import { inTime } from "./deadline.ts";
import { DOCS_POLICY, docsPage } from "./docs_page.ts";
import { HttpRefusal, retryAfter } from "./http_refusal.ts";
import { openApiDocument } from "./openapi.ts";
import type { AppEnv } from "./request.ts";
import { ROUTES } from "./route.ts";
import { StoreUnavailable } from "./store/store.ts";

/** Adds the routes to `app`. */
export function addStatusRoutes(
  app: Hono<AppEnv>,
  { rooms, store, clock, limits, metrics, publicUrl }: AppPorts,
): void {
  app.get("/health", (c) => {
    const { rooms: live, workers, clients, sockets } = rooms.counts();
    return c.json({
      status: "ok",
      version: SOFTWARE_VERSION,
      protocol: PROTOCOL_VERSION,
      timestamp: new Date(clock.wallMs()).toISOString(),
      rooms: live,
      peers: workers + clients,
      sockets,
    });
  });

  app.get("/ready", async (c) => {
    await answered(inTime(() => store.ping(), limits.readyMs, () => {
      return new StoreUnavailable(
        `Expected the store to answer within ${limits.readyMs} ms, got nothing`,
        { retryAfterMs: limits.retryAfterMs },
      );
    }));
    if (rooms.draining) {
      const headers = retryAfter(limits.retryAfterMs);
      throw new HttpRefusal(503, "SERVER_BUSY", "The server is about to stop", { headers });
    }
    return c.json({ status: "ready" });
  });

  app.get("/metrics", async (c) => {
    return c.body(await metrics.text(), 200, { "content-type": metrics.contentType });
  });

  // Made at the first request and kept: it takes some milliseconds and never changes.
  let document: ReturnType<typeof openApiDocument> | undefined;
  let page: string | undefined;
  const described = () => document ??= openApiDocument(ROUTES, publicUrl);

  app.get("/openapi.json", (c) =>
    c.body(JSON.stringify(described()), 200, {
      "content-type": "application/json",
    }));

  app.get("/docs", (c) => {
    page ??= docsPage(described());
    return c.html(page, 200, { "content-security-policy": DOCS_POLICY });
  });
}
