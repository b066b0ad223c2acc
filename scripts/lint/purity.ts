/**
 * What the pure folders must not touch: clocks, chance, waiting and the world (ARCHITECTURE section
 * 3). Knows names, not scopes: in a pure folder no variable may be called like a forbidden global.
 */

import { rule } from "./rule.ts";
import { onMention } from "./specifier.ts";

const PURE_FOLDERS = ["lib/base/", "lib/mesh/", "lib/job/", "lib/transfer/"];

/** Each forbidden global, and what stands in for it. */
const INSTEAD: ReadonlyMap<string, string> = new Map([
  ...["Date", "performance", "Temporal"].map((name) =>
    [name, "take `now` as an argument"] as const
  ),
  ...["crypto", "WebAssembly"].map((name) => [name, "take the result as an argument"] as const),
  ...[
    "setTimeout",
    "setInterval",
    "setImmediate",
    "clearTimeout",
    "clearInterval",
    "queueMicrotask",
  ].map((name) => [name, "return an effect that sets a timer"] as const),
  ...["Promise", "AbortSignal", "AbortController"].map((name) =>
    [name, "return an effect; the runtime waits"] as const
  ),
  ...["WebSocket", "fetch", "Deno", "process", "globalThis"].map((name) =>
    [name, "return an effect; the runtime touches the world"] as const
  ),
  ["console", "return a notice as an effect, or take a `Log`"],
]);

/** Nodes of types that hold an expression, and so may hold a value. */
const TYPED_EXPRESSIONS: ReadonlySet<string> = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSTypeAssertion",
  "TSInstantiationExpression",
  "TSEnumMember",
  "TSExportAssignment",
]);

/** Whether the identifier stands for a value, rather than for a type or the name of a property. */
function isValue(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.computed || parent.object === node;
    case "Property":
      return parent.computed || parent.value === node || parent.shorthand;
    case "MethodDefinition":
    case "PropertyDefinition":
      return parent.computed || parent.value === node;
    case "ImportSpecifier":
    case "ExportSpecifier":
      return false;
    default:
      return !parent.type.startsWith("TS") || TYPED_EXPRESSIONS.has(parent.type);
  }
}

/** Whether `Math` is used for a named member other than `random`. */
function isSeededMath(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  return parent.type === "MemberExpression" && parent.object === node && !parent.computed &&
    parent.property.type === "Identifier" && parent.property.name !== "random";
}

/** Keeps the pure folders pure. Types such as `Promise<void>` are free. */
export const purity: Deno.lint.Rule = rule((path, report) => {
  if (!PURE_FOLDERS.some((folder) => path.startsWith(folder))) return {};
  const impure = (what: string, instead: string, node: Deno.lint.Node): void =>
    report({
      message: `Expected ${path} to be pure, got ${what}`,
      hint: `Do without: ${instead}`,
    }, node);
  const noAsync = (node: Deno.lint.Node & { readonly async: boolean }): void => {
    if (node.async) impure("an async function", "return an effect; the runtime waits", node);
  };
  return {
    ...onMention(({ specifier, node }) => {
      if (specifier?.startsWith("node:")) impure(specifier, "take its result as an argument", node);
      if (node.type === "ImportExpression") impure("import()", "import it statically", node);
    }),
    Identifier(node) {
      if (!isValue(node)) return;
      const instead = INSTEAD.get(node.name);
      if (instead !== undefined) impure(node.name, instead, node);
      if (node.name === "Math" && !isSeededMath(node)) {
        impure("Math.random, or Math as a whole", "take a `Random` from lib/base/random.ts", node);
      }
    },
    FunctionDeclaration: noAsync,
    FunctionExpression: noAsync,
    ArrowFunctionExpression: noAsync,
    AwaitExpression: (node) => impure("await", "return an effect; the runtime waits", node),
    ForOfStatement(node) {
      if (node.await) impure("for await", "return an effect; the runtime waits", node);
    },
  };
});
