import assert from "node:assert/strict";
import { z } from "zod";
import { docsPage } from "../../signaling/docs_page.ts";
import { openApiDocument } from "../../signaling/openapi.ts";
import { ROUTES } from "../../signaling/route.ts";

const operation = z.looseObject({
  summary: z.string().min(1),
  deprecated: z.boolean().optional(),
  responses: z.record(z.string().regex(/^\d{3}$/), z.looseObject({ description: z.string() })),
});
const documentSchema = z.looseObject({
  openapi: z.literal("3.1.0"),
  servers: z.array(z.object({ url: z.string() })).optional(),
  paths: z.record(z.string(), z.record(z.string(), operation)),
  components: z.looseObject({ schemas: z.record(z.string(), z.json()) }),
});

Deno.test("openapi: every route with its body, answer and refusals, from the schemas themselves", () => {
  const document = openApiDocument(ROUTES, "https://lab.example.org");
  const { paths, components, servers } = documentSchema.parse(document);
  assert.deepEqual(servers, [{ url: "https://lab.example.org" }]);
  assert.equal(documentSchema.parse(openApiDocument(ROUTES, undefined)).servers, undefined);
  for (const { method, path, isDeprecated } of ROUTES) {
    const described = paths[path]?.[method];
    assert.deepEqual(described?.deprecated, isDeprecated, path);
    assert(described?.responses["200"] !== undefined && described.responses["500"] !== undefined);
  }
  const text = JSON.stringify(document);
  assert.match(text, /"by_seconds":\{"type":"integer","minimum":60/);
  assert.match(text, /"name":"room_id","in":"query","required":true/);
  assert.match(JSON.stringify(components.schemas["ToServer"]), /claim_admin/);
  assert.match(JSON.stringify(components.schemas["FromServer"]), /room_expiring/);
  // A reader follows every reference.
  for (const [, name] of text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)) {
    assert(name !== undefined && name in components.schemas, `${name} is described`);
  }
});

Deno.test("openapi: the page needs nothing from outside and shows routes and messages", () => {
  const page = docsPage(openApiDocument(ROUTES, undefined));
  assert.doesNotMatch(page, /https?:\/\/|<script|<link|<img|@import|url\(/);
  for (const { path, summary } of ROUTES) {
    assert(page.includes(path), path);
    assert(page.includes(summary.replaceAll('"', "&quot;")), summary);
  }
  assert.match(page, /peer_message/);
  assert.match(page, /room_id: string/);
  assert.match(page, /class="old">deprecated/);
});
