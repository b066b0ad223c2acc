/** Where a file names another module. Knows every form of import, and not which ones are right. */

import { posix } from "node:path";

/** A place in a file where another module is named. */
export interface Mention {
  /** The specifier as written; `undefined` where it is computed and cannot be checked. */
  readonly specifier: string | undefined;
  readonly node: Deno.lint.Node;
}

function literalOf(node: Deno.lint.Node): string | undefined {
  if (node.type === "TSLiteralType") return literalOf(node.literal);
  return node.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

/** A visitor that calls `visit` for each import, export-from, `import()` and type import. */
export function onMention(visit: (mention: Mention) => void): Deno.lint.LintVisitor {
  return {
    ImportDeclaration: (node) => visit({ specifier: node.source.value, node }),
    ExportAllDeclaration: (node) => visit({ specifier: node.source.value, node }),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) visit({ specifier: node.source.value, node });
    },
    ImportExpression: (node) => visit({ specifier: literalOf(node.source), node }),
    TSImportType: (node) => visit({ specifier: literalOf(node.argument), node }),
  };
}

/** The path, from the root of the repository, that `specifier` means in the file `importer`. */
export function targetOf(importer: string, specifier: string): string {
  return posix.join(posix.dirname(importer), specifier);
}

/** Whether `specifier` is a path rather than a package or a builtin. */
export function isRelative(specifier: string): boolean {
  return specifier.startsWith("./") || specifier.startsWith("../");
}

/** The package that a bare specifier names: `@scope/name/part` is of `@scope/name`. */
export function packageOf(specifier: string): string {
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
