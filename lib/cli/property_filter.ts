/** Conditions on properties as people type them: `cuda>=12`, `gpu_model in A5000,A6000`. */

import type { Condition, Filters } from "../protocol/query.ts";
import type { Property } from "../protocol/worker.ts";
import { Mistake } from "./mistake.ts";

const OPERATORS = {
  ">=": "$gte",
  "<=": "$lte",
  "!=": "$ne",
  ">": "$gt",
  "<": "$lt",
  "=": "$eq",
  "in": "$in",
} as const;
type Operator = keyof typeof OPERATORS;
type Scalar = Extract<Property, string | number | boolean>;

/**
 * Reads conditions into a filter; several on one property must all hold.
 *
 * @throws {Mistake} Where one has no operator, no name or no value, or says the same thing twice.
 */
export function propertyFilter(conditions: readonly string[]): Filters["properties"] {
  if (conditions.length === 0) return undefined;
  const properties: Record<string, Condition> = {};
  for (const text of conditions) {
    const { name, operator, value } = parse(text);
    const known = properties[name] ?? {};
    const key = OPERATORS[operator];
    if (known[key] !== undefined) {
      throw new Mistake(`Expected one condition ${operator} on ${name}, got two; leave one out`);
    }
    properties[name] = { ...known, [key]: value };
  }
  return properties;
}

function parse(
  text: string,
): { name: string; operator: Operator; value: Scalar | Scalar[] } {
  const [, member, choices] = /^([A-Za-z0-9_.-]{1,64})\s+in\s+(\S.*)$/s.exec(text) ?? [];
  if (member !== undefined && choices !== undefined) {
    const value = choices.split(",").map((choice) => scalarOf(choice.trim()));
    return { name: member, operator: "in", value };
  }
  const match = /^([A-Za-z0-9_.-]{1,64})\s*(>=|<=|!=|>|<|=)\s*([^<>=!\s].*)$/s.exec(text);
  const [, name, operator, value] = match ?? [];
  if (
    name === undefined || operator === undefined || value === undefined || !isOperator(operator)
  ) {
    throw new Mistake(
      `Expected a condition such as gpu_model=A5000, cuda>=12 or "cuda in 11,12" for --property, got \`${text}\`; quote it, since the shell reads > and <`,
    );
  }
  if (operator !== "=" && operator !== "!=") return { name, operator, value: numberOr(value) };
  return { name, operator, value: scalarOf(value) };
}

function isOperator(text: string): text is Operator {
  return Object.hasOwn(OPERATORS, text);
}

function scalarOf(text: string): Scalar {
  return text === "true" ? true : text === "false" ? false : numberOr(text);
}

function numberOr(text: string): Extract<Property, string | number> {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
