/** The HTTP interface and the socket's messages as an OpenAPI 3.1 document, made from the schemas. */

import { z } from "zod";
import { fromServerSchema, toServerSchema } from "../lib/protocol/signal_message.ts";
import { SOFTWARE_VERSION } from "../lib/protocol/version.ts";
import { refusalReplySchema } from "./reply.ts";
import { REFUSED_EVERYWHERE, type Route } from "./route.ts";

/** A piece of a JSON document. */
export type Json = string | number | boolean | null | readonly Json[] | {
  readonly [key: string]: Json;
};

const jsonSchema = z.record(z.string(), z.json());
const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: "Malformed; the message names the field and what was wanted",
  401: "No credentials, or an id token that is none of this server's",
  403: "Unknown room, ended room and wrong token alike",
  404: "No such peer in the room",
  413: "Too large",
  429: "Too many; wait as long as `Retry-After` says",
  500: "A fault of the server; its log says why",
  503: "The store does not answer, the server is about to stop, or there is no place",
};
const SECURITY: Readonly<Record<Route["credentials"], Json>> = {
  none: [],
  identity: [{ idToken: [] }],
  room: [{ roomToken: [] }, { idToken: [] }],
};

/**
 * The document.
 *
 * @param publicUrl Where the server is reached; left out, the document is relative to its own address.
 */
export function openApiDocument(
  routes: readonly Route[],
  publicUrl: string | undefined,
): Readonly<Record<string, Json>> {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "sleap-rtc signaling server",
      version: SOFTWARE_VERSION,
      description: "Rooms over HTTP; peers meet on the WebSocket at `/ws`. Its messages are the " +
        "schemas `ToServer` and `FromServer`.",
    },
    ...(publicUrl === undefined ? {} : { servers: [{ url: publicUrl }] }),
    paths,
    components: {
      securitySchemes: {
        idToken: { type: "http", scheme: "bearer", description: "From `POST /anonymous-signin`" },
        roomToken: { type: "http", scheme: "bearer", description: "From `POST /create-room`" },
      },
      schemas: {
        Refusal: schemaOf(refusalReplySchema, "output"),
        ToServer: schemaOf(toServerSchema, "input"),
        FromServer: schemaOf(fromServerSchema, "output"),
      },
    },
  };
}

function operationOf(route: Route): Json {
  const { body, query, reply, summary, credentials, refusals, isDeprecated } = route;
  const refused = [...refusals, ...REFUSED_EVERYWHERE].map((status): [string, Json] => [
    String(status),
    {
      description: STATUS_TEXT[status] ?? "Refused",
      content: { "application/json": { schema: { $ref: "#/components/schemas/Refusal" } } },
    },
  ]);
  const content = typeof reply === "string"
    ? { [reply]: {} }
    : { "application/json": { schema: schemaOf(reply, "output") } };
  return {
    summary,
    security: SECURITY[credentials],
    ...(isDeprecated === undefined ? {} : { deprecated: true }),
    ...(query === undefined ? {} : { parameters: parametersOf(query) }),
    ...(body === undefined
      ? {}
      : { requestBody: { content: { "application/json": { schema: schemaOf(body, "input") } } } }),
    responses: { "200": { description: summary, content }, ...Object.fromEntries(refused) },
  };
}

function parametersOf(query: z.ZodType): Json {
  const { properties, required } = z.object({
    properties: jsonSchema,
    required: z.array(z.string()).default([]),
  }).parse(schemaOf(query, "input"));
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

/** The JSON Schema of what goes in or what comes out. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Readonly<Record<string, Json>> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    // Names are strings of a form that only a function knows.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === "custom") jsonSchema.type = "string";
    },
  });
  return jsonSchema.parse(rest);
}
