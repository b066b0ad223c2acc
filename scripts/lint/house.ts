/** The small habits: names of files, their first sentence, and what is never written. */

import { basename } from "node:path";
import { type Fault, isProduct, rule } from "./rule.ts";
import { onMention } from "./specifier.ts";

const EMPTY_NOUNS = ["utils", "util", "helpers", "helper", "common", "types", "misc"];

/** What is wrong with the name of the file at `path`; `undefined` where nothing is. */
export function nameFault(path: string): Fault | undefined {
  const parts = [...path.split("/").slice(0, -1), basename(path).replace(/(\.d)?\.[a-z]+$/, "")];
  for (const part of parts) {
    if (EMPTY_NOUNS.includes(part)) {
      return {
        message: `Expected a noun that says what is in ${path}, got ${part}`,
        hint: "Name it after what it knows; if that takes an `and`, make two files",
      };
    }
    if (!/^\.?[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(part)) {
      return {
        message: `Expected snake_case in ${path}, got ${part}`,
        hint: "Use lower-case words with underscores between them",
      };
    }
  }
  return undefined;
}

/** Names files. */
export const fileName: Deno.lint.Rule = rule((path, report) => ({
  Program(node) {
    const fault = nameFault(path);
    if (fault !== undefined) report(fault, node);
  },
}));

/** Lets each file of the product say first what it knows. */
export const openingSentence: Deno.lint.Rule = rule((path, report, context) => ({
  Program(node) {
    if (!isProduct(path)) return;
    const opening = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\/\r?\n\r?\n/.exec(context.sourceCode.text);
    if (opening !== null && /[A-Z][\s\S]*\./.test(opening[1] ?? "")) return;
    report({
      message: `Expected ${path} to open with a sentence in /** */ and an empty line`,
      hint: "Say what the file knows and what it does not",
    }, node);
  },
}));

/** Keeps the console out of the product: a command is given where to write. */
export const noConsole: Deno.lint.Rule = rule((path, report) => ({
  MemberExpression(node) {
    if (!isProduct(path) || node.object.type !== "Identifier") return;
    if (node.object.name !== "console") return;
    report({
      message: `Expected ${path} to write to what it is given, got console`,
      hint: "Take `{ out, err }` in a command, a `Log` elsewhere",
    }, node);
  },
}));

/** Lets no doubt be left in a comment. */
export const noDoubt: Deno.lint.Rule = rule((_path, report, context) => ({
  "Program:exit"() {
    for (const comment of context.sourceCode.getAllComments()) {
      const doubt = /\b(TODO|FIXME|XXX|HACK)\b/.exec(comment.value)?.[1];
      if (doubt === undefined) continue;
      report({
        message: `Expected finished code, got ${doubt}`,
        hint: "Write the missing test, or open an issue",
      }, comment);
    }
  },
}));

function isEmptyFunction(node: Deno.lint.Node | undefined): boolean {
  return node !== undefined &&
    (node.type === "ArrowFunctionExpression" || node.type === "FunctionExpression") &&
    node.body?.type === "BlockStatement" && node.body.body.length === 0;
}

/** Lets no error vanish, with a comment or without. */
export const noEmptyCatch: Deno.lint.Rule = rule((_path, report) => {
  const fault: Fault = {
    message: "Expected the error to be handled, got an empty catch",
    hint: "Log it, return what it means, or let it rise",
  };
  return {
    CatchClause(node) {
      if (node.body.body.length === 0) report(fault, node);
    },
    CallExpression(node) {
      const { callee } = node;
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
      const handler = callee.property.name === "catch" ? node.arguments[0] : undefined;
      if (isEmptyFunction(handler)) report(fault, node);
    },
  };
});

/** Whether the expression is text or bytes decoded into who knows what. */
function isDecoded(node: Deno.lint.Expression): boolean {
  if (node.type === "AwaitExpression") return isDecoded(node.argument);
  if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression") return false;
  const { object, property } = node.callee;
  if (property.type !== "Identifier") return false;
  if (property.name === "json") return true;
  return property.name === "parse" && object.type === "Identifier" && object.name === "JSON";
}

/** Lets nothing from outside become a type by saying so. */
export const noCast: Deno.lint.Rule = rule((path, report) => {
  if (!isProduct(path)) return {};
  const check = (node: Deno.lint.TSAsExpression | Deno.lint.TSTypeAssertion): void => {
    const to = node.typeAnnotation.type;
    const decoded = isDecoded(node.expression) && to !== "TSUnknownKeyword";
    const forced = to === "TSAnyKeyword" || to === "TSNeverKeyword" ||
      (node.expression.type === "TSAsExpression" &&
        node.expression.typeAnnotation.type === "TSUnknownKeyword");
    if (!decoded && !forced) return;
    report({
      message: decoded
        ? "Expected decoded data to go through a schema, got a cast"
        : "Expected a type that the compiler can follow, got a forced cast",
      hint: "Decode with zod, narrow with a type guard, or widen the type where it is declared",
    }, node);
  };
  return {
    TSAsExpression: check,
    TSTypeAssertion: check,
    VariableDeclarator(node) {
      const annotation = node.id.type === "Identifier" ? node.id.typeAnnotation : undefined;
      if (annotation === undefined || node.init === null || !isDecoded(node.init)) return;
      if (annotation.typeAnnotation.type === "TSUnknownKeyword") return;
      report({
        message: "Expected decoded data to go through a schema, got an annotation",
        hint: "Annotate it as `unknown` and decode it with zod",
      }, node);
    },
  };
});

/** Keeps versions and registries in the import map. */
export const importMap: Deno.lint.Rule = rule((_path, report) =>
  onMention(({ specifier, node }) => {
    if (specifier === undefined || !/^(npm|jsr|https?):/.test(specifier)) return;
    report({
      message: `Expected a name from the import map, got ${specifier}`,
      hint: "Add it to `imports` in deno.json with its exact version",
    }, node);
  })
);
