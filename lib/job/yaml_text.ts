/** YAML and JSON as values with the lines they stand in. The one door to `yaml`. */

import { isMap, isNode, LineCounter, parseDocument } from "yaml";

/** Aliases that may be expanded: a few lines can stand for billions. */
const ALIASES_MAX = 100;

/** A text that was read. */
export interface YamlText {
  readonly value: unknown;
  /** The line of what stands at `path`, or of the nearest that is there; from 1. */
  lineOf(path: readonly string[]): number;
}

/** Where a text is not YAML. */
export interface YamlFault {
  readonly line: number;
  readonly reason: string;
}

/** Reads `text`, which may also be JSON. */
export function readYaml(text: string): YamlText | YamlFault {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lineAt = (offset: number) => Math.max(1, counter.linePos(offset).line);
  const [error] = document.errors;
  if (error !== undefined) return { line: lineAt(error.pos[0]), reason: error.message };
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { line: 1, reason };
  }
  return {
    value,
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const above = document.getIn(path.slice(0, length - 1), true);
        const pair = isMap(above)
          ? above.items.find(({ key }) => String(key) === path[length - 1])
          : undefined;
        const start = isNode(pair?.key) ? pair.key.range?.[0] : undefined;
        if (start !== undefined) return lineAt(start);
      }
      return 1;
    },
  };
}
