/**
 * Draws what a schema lets through, and what is one beyond a limit of it, from the schema itself. Knows
 * the kinds of schema that the protocol is made of; a new kind is an error, not a gap.
 */

import fc from "fast-check";
import { z } from "zod";
import {
  jobIdSchema,
  linkIdSchema,
  peerIdSchema,
  requestIdSchema,
  roomIdSchema,
  sha256Schema,
} from "../../lib/protocol/name.ts";

/** A schema, as JSON Schema describes it. */
export type Shape = z.core.JSONSchema.BaseSchema;

/** Names are checked by functions, which JSON Schema cannot describe. */
const NAMES = new Map<z.core.$ZodType, RegExp>([
  [peerIdSchema, /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/],
  [roomIdSchema, /^[a-z0-9]{8,32}$/],
  [jobIdSchema, /^job-[a-z0-9]{8,32}$/],
  [linkIdSchema, /^[a-z0-9][a-z0-9.]{0,47}$/],
  [requestIdSchema, /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/],
  [sha256Schema, /^[0-9a-f]{64}$/],
]);
/** A string whose form JSON Schema does not show, by the name of its field. */
const FIELDS = new Map([["public_key", /^[A-Za-z0-9_-]{43}$/]]);
/** Longer than any string that has a limit. */
const TOO_LONG = "x".repeat(300_000);
/** Elements drawn at most: what matters comes with the first ones. */
const ELEMENTS_MAX = 3;

/** The shape of a schema. */
export function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, {
    unrepresentable: "any",
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      const pattern = NAMES.get(zodSchema);
      if (pattern !== undefined) {
        Object.assign(jsonSchema, { type: "string", pattern: pattern.source });
      }
    },
  });
}

/** Draws values that `schema` accepts. */
export function valuesOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  return draw(shapeOf(schema), "").filter((value) => schema.safeParse(value).success);
}

function draw(shape: Shape, field: string): fc.Arbitrary<unknown> {
  const options = shape.oneOf ?? shape.anyOf;
  if (options !== undefined) return fc.oneof(...options.map((option) => draw(option, field)));
  if (shape.const !== undefined) return fc.constant(shape.const);
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum);
  const { minimum, maximum } = shape;
  switch (Array.isArray(shape.type) ? shape.type[0] : shape.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.integer({
        min: Math.max(minimum ?? -1e6, -1e6),
        max: Math.min(maximum ?? 1e6, 1e6),
      });
    case "number":
      return fc.double({ min: minimum ?? -1e9, max: maximum ?? 1e9, noNaN: true });
    case "string":
      return drawString(shape, field);
    case "array":
      return fc.array(draw(only(shape.items), field), {
        minLength: shape.minItems ?? 0,
        maxLength: Math.min(
          shape.maxItems ?? ELEMENTS_MAX,
          Math.max(ELEMENTS_MAX, shape.minItems ?? 0),
        ),
      });
    case "object":
      return drawObject(shape);
    // What may be anything, and what names a shape that contains itself: any JSON.
    case undefined:
      return fc.jsonValue({ maxDepth: 2 });
    default:
      throw new Error(`Expected a kind of schema that can be drawn, got ${JSON.stringify(shape)}`);
  }
}

function drawString(shape: Shape, field: string): fc.Arbitrary<string> {
  if (shape.contentEncoding === "base64") {
    return fc.uint8Array({ maxLength: 64 }).map((bytes) => bytes.toBase64());
  }
  const pattern = FIELDS.get(field) ?? (shape.pattern && new RegExp(shape.pattern));
  const drawn = pattern ? fc.stringMatching(pattern) : fc.string({
    minLength: shape.minLength ?? 0,
    maxLength: Math.min(shape.maxLength ?? 20, Math.max(20, shape.minLength ?? 0)),
  });
  return drawn.filter((text) => text.length <= (shape.maxLength ?? Infinity));
}

function drawObject(shape: Shape): fc.Arbitrary<unknown> {
  const { properties, additionalProperties, propertyNames } = shape;
  if (properties === undefined && typeof additionalProperties === "object") {
    const keys = drawString(only(propertyNames), "").filter((key) => key !== "__proto__");
    return fc.dictionary(keys, draw(additionalProperties, ""), {
      maxKeys: ELEMENTS_MAX,
      noNullPrototype: true,
    });
  }
  const fields = Object.entries(properties ?? {}).map(([name, property]) =>
    [name, draw(only(property), name)] as const
  );
  return fc.record(Object.fromEntries(fields), {
    requiredKeys: shape.required ?? [],
    noNullPrototype: true,
  });
}

/** Copies of `value`, which `shape` accepts, that are each beyond one of its limits; with where. */
export function* beyondLimits(
  shape: Shape,
  value: unknown,
  path = "",
): Generator<[string, unknown]> {
  const options = shape.oneOf ?? shape.anyOf;
  if (options !== undefined) {
    const option = options.find((candidate) => fits(candidate, value));
    if (option !== undefined) yield* beyondLimits(option, value, path);
  } else if (typeof value === "string") {
    const limited = shape.maxLength !== undefined || shape.pattern !== undefined;
    if (limited) yield [path, (value || "x").padEnd(TOO_LONG.length, value.at(-1) ?? "x")];
  } else if (typeof value === "number") {
    if (shape.minimum !== undefined) yield [path, shape.minimum - 1];
    const { maximum } = shape;
    if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER) yield [path, maximum + 1];
  } else if (Array.isArray(value)) {
    const [first] = value;
    if (first === undefined) return;
    if (shape.maxItems !== undefined) {
      yield [path, Array.from({ length: shape.maxItems + 1 }, () => first)];
    }
    for (const [where, beyond] of beyondLimits(only(shape.items), first, `${path}[]`)) {
      yield [where, [beyond]];
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      const property = shape.properties?.[name] ?? shape.additionalProperties;
      if (typeof property !== "object") continue;
      for (const [where, beyond] of beyondLimits(property, item, `${path}.${name}`)) {
        yield [where, { ...value, [name]: beyond }];
      }
    }
  }
}

/** Where in `shape` a text, a list or a table may be of any size. */
export function* unlimited(shape: Shape, path = ""): Generator<string> {
  for (const option of shape.oneOf ?? shape.anyOf ?? []) yield* unlimited(option, path);
  if (shape.const !== undefined || shape.enum !== undefined) return;
  const isText = shape.type === "string" && shape.contentEncoding === undefined;
  if (isText && shape.maxLength === undefined && shape.pattern === undefined) yield path;
  if (shape.type === "array") {
    if (shape.maxItems === undefined) yield path;
    yield* unlimited(only(shape.items), `${path}[]`);
  }
  if (shape.type !== "object") return;
  for (const [name, property] of Object.entries(shape.properties ?? {})) {
    yield* unlimited(only(property), `${path}.${name}`);
  }
  if (typeof shape.additionalProperties === "object" && shape.properties === undefined) {
    yield `${path}{}`;
    yield* unlimited(shape.additionalProperties, `${path}{}`);
  }
}

function fits(shape: Shape, value: unknown): boolean {
  if (value === null) return shape.type === "null";
  if (Array.isArray(value)) return shape.type === "array";
  if (typeof value !== "object") {
    return shape.type === typeof value || (shape.type === "integer" && typeof value === "number");
  }
  if (shape.oneOf !== undefined) return shape.oneOf.some((option) => fits(option, value));
  const fields = new Map<string, unknown>(Object.entries(value));
  return Object.entries(shape.properties ?? {}).every(([name, property]) =>
    typeof property !== "object" || property.const === undefined ||
    property.const === fields.get(name)
  ) && shape.type === "object";
}

function only(shape: Shape["items"]): Shape {
  return typeof shape === "object" && !Array.isArray(shape) ? shape : {};
}
