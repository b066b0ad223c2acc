/** The OpenAPI document as a page that people read. One file without script, font, picture or link outside. */

import { z } from "zod";
import type { Json } from "./openapi.ts";

const schemaNode = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  const: z.json().optional(),
  enum: z.array(z.json()).optional(),
  properties: z.record(z.string(), z.json()).optional(),
  required: z.array(z.string()).optional(),
  items: z.json().optional(),
  anyOf: z.array(z.json()).optional(),
  oneOf: z.array(z.json()).optional(),
});
const operationNode = z.looseObject({
  summary: z.string(),
  deprecated: z.boolean().optional(),
  security: z.array(z.record(z.string(), z.json())),
  parameters: z.array(z.object({ name: z.string(), required: z.boolean(), schema: z.json() }))
    .optional(),
  requestBody: z.object({ content: z.record(z.string(), z.object({ schema: z.json() })) })
    .optional(),
  responses: z.record(
    z.string(),
    z.object({
      description: z.string(),
      content: z.record(z.string(), z.looseObject({ schema: z.json().optional() })),
    }),
  ),
});
const documentNode = z.looseObject({
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), operationNode)),
  components: z.looseObject({
    schemas: z.record(z.string(), z.json()),
    securitySchemes: z.record(z.string(), z.looseObject({ description: z.string() })),
  }),
});

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff }
code { font: 14px/1.4 ui-monospace, monospace }
td code { overflow-wrap: anywhere }
h2 { margin-top: 2.5rem } h3 { margin: 1.5rem 0 0 } p { margin: .25rem 0 }
table { border-collapse: collapse; width: 100%; margin-top: .5rem }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0;
  border-top: 1px solid #ccc }
th { font-weight: normal; width: 1% }
.old { color: #8a3b00 }
@media (prefers-color-scheme: dark) { body { color: #e6e6e6; background: #181818 }
  th, td { border-color: #444 } .old { color: #ffb380 } }`;

/** The policy under which the page is to be sent: nothing but its own style. */
export const DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** The page of `document`. */
export function docsPage(document: Readonly<Record<string, Json>>): string {
  const { info, paths, components } = documentNode.parse(document);
  const everywhere = sharedRefusals(Object.values(paths).flatMap(Object.values));
  const routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) =>
      routePart(method, path, operation, everywhere)
    )
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escaped(info.title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>${STYLE}</style></head>
<body><main><h1>${escaped(info.title)} ${escaped(info.version)}</h1>
<p>${prose(info.description)}</p>
<p>For programs: <a href="openapi.json">openapi.json</a></p>
<h2>Credentials</h2>
<p>Shown as <code>Authorization: Bearer …</code>.</p>
<table>${
    Object.entries(components.securitySchemes)
      .map(([name, { description }]) => row(name, prose(description))).join("")
  }</table>
<h2>Refusals of every route</h2>
<table>${[...everywhere].map(([status, text]) => row(status, prose(text))).join("")}</table>
<h2>Routes</h2>
${routes.join("\n")}
<h2>From a peer to the server, on the socket at /ws</h2>
${messageTable(components.schemas["ToServer"])}
<h2>From the server to a peer</h2>
${messageTable(components.schemas["FromServer"])}
</main></body></html>
`;
}

type Operation = z.infer<typeof operationNode>;

/** The statuses that every one of `operations` may refuse with, and what each means. */
function sharedRefusals(operations: readonly Operation[]): ReadonlyMap<string, string> {
  const [first, ...others] = operations;
  return new Map(
    Object.entries(first?.responses ?? {})
      .filter(([status]) => status !== "200" && others.every((it) => status in it.responses))
      .map(([status, { description }]) => [status, description]),
  );
}

function routePart(
  method: string,
  path: string,
  operation: Operation,
  everywhere: ReadonlyMap<string, string>,
): string {
  const { summary, deprecated, parameters, requestBody, responses, security } = operation;
  const granted = responses["200"]?.content["application/json"]?.schema;
  const rows = [
    row("Credentials", code(security.flatMap(Object.keys).join(" or ") || "none")),
    ...(parameters ?? []).map(({ name, required, schema }) =>
      row(`?${name}${required ? "" : " (optional)"}`, code(shapeOf(schema)))
    ),
    ...Object.values(requestBody?.content ?? {})
      .map(({ schema }) => row("Body", code(shapeOf(schema)))),
    ...(granted === undefined ? [] : [row("Answer", code(shapeOf(granted)))]),
    ...Object.entries(responses)
      .filter(([status]) => status !== "200" && !everywhere.has(status))
      .map(([status, { description }]) => row(status, prose(description))),
  ];
  const old = deprecated === true ? ' <span class="old">deprecated</span>' : "";
  return `<h3><code>${method.toUpperCase()} ${escaped(path)}</code>${old}</h3>
<p>${escaped(summary)}</p><table>${rows.join("")}</table>`;
}

/** A row of a table; `what` is HTML. */
function row(name: string, what: string): string {
  return `<tr><th><code>${escaped(name)}</code></th><td>${what}</td></tr>`;
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

/** Words, in which `…` is code. */
function prose(text: string): string {
  return escaped(text).replace(/`([^`]+)`/g, "<code>$1</code>");
}

function messageTable(union: Json | undefined): string {
  const { anyOf, oneOf } = schemaNode.parse(union ?? {});
  const rows = (oneOf ?? anyOf ?? []).map((option) => {
    const { properties = {}, ...node } = schemaNode.parse(option);
    const { type, ...fields } = properties;
    const { const: name } = schemaNode.parse(type ?? {});
    return row(String(name), code(shapeOf({ ...node, properties: fields })));
  });
  return `<table>${rows.join("")}</table>`;
}

/** A schema in a few words: `{room_id: string, name?: string}`. */
function shapeOf(schema: unknown, depth = 0): string {
  const node = schemaNode.safeParse(schema);
  if (!node.success) return "anything";
  const { type, const: only, enum: values, properties, required, items, anyOf, oneOf } = node.data;
  if (only !== undefined) return JSON.stringify(only);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" | ");
  const options = anyOf ?? oneOf;
  if (options !== undefined) {
    return [...new Set(options.map((option) => shapeOf(option, depth + 1)))].join(" | ");
  }
  if (items !== undefined) return `[${shapeOf(items, depth + 1)}]`;
  if (properties !== undefined) {
    if (depth > 1) return "{…}";
    const fields = Object.entries(properties).map(([name, value]) =>
      `${name}${required?.includes(name) === true ? "" : "?"}: ${shapeOf(value, depth + 1)}`
    );
    return `{${fields.join(", ")}}`;
  }
  return [type ?? "anything"].flat().join(" | ");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
