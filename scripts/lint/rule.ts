/** What each lint rule is made of. Knows where the repository begins, and no rule. */

import { relative, resolve, sep } from "node:path";

const ROOT = resolve(import.meta.dirname ?? ".", "../..");

/** What is wrong, and what to do about it. */
export interface Fault {
  /** What was wanted and what was got. */
  readonly message: string;
  /** What to do next. */
  readonly hint: string;
}

/** Reports a fault at a place in the file. */
export type Report = (fault: Fault, node: Deno.lint.Node) => void;

/** The path from the root of the repository, with forward slashes, of an absolute file name. */
export function pathOf(fileName: string): string {
  return relative(ROOT, resolve(ROOT, fileName)).split(sep).join("/");
}

/** A lint rule from a function that is given the file's path and returns what to look at. */
export function rule(
  visitor: (path: string, report: Report, context: Deno.lint.RuleContext) => Deno.lint.LintVisitor,
): Deno.lint.Rule {
  return {
    create: (context) =>
      visitor(
        pathOf(context.filename),
        (fault, node) => context.report({ node, ...fault }),
        context,
      ),
  };
}

/** Whether the product is made of the file at `path`, rather than tests and scripts. */
export function isProduct(path: string): boolean {
  return path === "main.ts" || path.startsWith("lib/") || path.startsWith("signaling/");
}
