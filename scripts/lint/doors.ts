/** Which one file may import a package, so that replacing the package means replacing that file. */

import { type Fault, isProduct, rule } from "./rule.ts";
import { isRelative, onMention, packageOf } from "./specifier.ts";

/** The importing files of each package that has doors: one, and of some one for each of two ends. */
export const DOORS: readonly (readonly [name: string, file: string])[] = [
  ["@automerge/automerge", "lib/mesh/automerge.ts"],
  ["@aws-sdk/client-cognito-identity-provider", "signaling/identity/user_pool.ts"],
  ["@aws-sdk/client-dynamodb", "signaling/store/dynamo_table.ts"],
  ["@aws-sdk/lib-dynamodb", "signaling/store/dynamodb.ts"],
  ["@logtape/logtape", "lib/runtime/logging.ts"],
  ["@talmolab/sleap-io.js", "lib/runtime/training_package.ts"],
  ["@talmolab/sleap-io.js", "lib/runtime/training_package/label_writer.ts"],
  ["asciichart", "lib/cli/plot.ts"],
  ["cli-table3", "lib/cli/table.ts"],
  ["jose", "signaling/identity/id_token.ts"],
  ["node-datachannel", "lib/rtc/native.ts"],
  ["prom-client", "signaling/metrics.ts"],
  ["smol-toml", "lib/runtime/config_file.ts"],
  ["uqr", "lib/cli/qr_code.ts"],
  ["werift", "lib/rtc/werift.ts"],
  ["ws", "lib/runtime/signal_client.ts"],
  ["ws", "signaling/upgrade.ts"],
  ["yaml", "lib/job/yaml_text.ts"],
];

/** What is wrong with the file at `importer` naming `specifier`; `undefined` where nothing is. */
export function doorFault(importer: string, specifier: string): Fault | undefined {
  if (!isProduct(importer) || isRelative(specifier)) return undefined;
  const name = packageOf(specifier);
  const files = DOORS.flatMap(([door, file]) => door === name ? [file] : []);
  if (files.includes(importer)) return undefined;
  if (files.length > 0) {
    const file = files.join(" and ");
    return {
      message: `Expected only ${file} to import ${name}, got ${importer}`,
      hint: `Import what ${file} exports, or move the door in scripts/lint/doors.ts`,
    };
  }
  if (!name.startsWith("@aws-sdk/")) return undefined;
  return {
    message: `Expected each AWS package to have one importing file, got ${name} without one`,
    hint: "Name its file in scripts/lint/doors.ts",
  };
}

/** Holds packages to their doors, imports of types included. */
export const doors: Deno.lint.Rule = rule((path, report) =>
  onMention(({ specifier, node }) => {
    const fault = specifier === undefined ? undefined : doorFault(path, specifier);
    if (fault !== undefined) report(fault, node);
  })
);
