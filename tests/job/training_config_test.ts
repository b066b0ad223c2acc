/** Configurations of sleap-nn: what they train, and what is wrong with them, with the line. */

import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readTrainingConfig } from "../../lib/job/training_config.ts";

const DATA = fileURLToPath(new URL("../../../shared/data/sleap-nn/", import.meta.url));

/** A configuration that is well, with these lines instead of those. */
function config(...changes: readonly (readonly [line: string, instead: string])[]): string {
  const text = [
    "data_config:",
    "  validation_fraction: 0.1",
    "model_config:",
    "  backbone_config: unet",
    "  head_configs:",
    "    single_instance: null",
    "    centroid:",
    "      confmaps:",
    "        anchor_part: head",
    "        sigma: 1.5",
    "    centered_instance: null",
    "trainer_config:",
    "  max_epochs: 30",
    "  optimizer:",
    "    lr: 0.0001",
    "",
  ].join("\n");
  return changes.reduce((changed, [line, instead]) => {
    ok(changed.includes(line), line);
    return changed.replace(line, instead);
  }, text);
}

const samples: [string, string, number][] = [
  ["minimal_instance_centroid-initial_config.yaml", "centroid", 30],
  ["minimal_instance_single_instance-training_config.yaml", "single_instance", 100],
];
for (const [name, modelType, maxEpochs] of samples) {
  Deno.test({
    name: `a trainer's own configuration is read, if the shared data is here: ${name}`,
    ignore: !existsSync(DATA),
    fn: () => {
      const text = Deno.readTextFileSync(`${DATA}${name}`);
      deepEqual(readTrainingConfig(text, ["A", "B"]), { modelType, maxEpochs });
    },
  });
}

Deno.test("YAML and JSON are read alike", () => {
  const wanted = { modelType: "centroid", maxEpochs: 30 };
  deepEqual(readTrainingConfig(config(), ["head", "thorax"]), wanted);
  const json = JSON.stringify({
    data_config: {},
    model_config: { backbone_config: "unet", head_configs: { centroid: { confmaps: null } } },
    trainer_config: { max_epochs: 30 },
  });
  deepEqual(readTrainingConfig(json, ["head"]), wanted);
  const named = config(["head_configs:", "head_configs: centroid\n  rest:"]);
  deepEqual(readTrainingConfig(named), wanted);
});

const faults: [string, string, number, RegExp][] = [
  ["no YAML", "a: [1\nb: 2\n", 2, /^Expected YAML or JSON/],
  ["a list", "- 1\n", 1, /^Expected data_config, model_config and trainer_config .* got/],
  ["a text", "hello\n", 1, /got no mapping$/],
  ["nothing", "# only a comment\n", 1, /got no mapping$/],
  [
    "a section that is missing",
    config(["trainer_config:", "other:"]),
    1,
    /object for trainer_config, got nothing/,
  ],
  [
    "a section that is a number",
    config(["  backbone_config: unet", "  backbone_config: 7"]),
    4,
    /backbone_config, got 7/,
  ],
  [
    "epochs in words",
    config(["max_epochs: 30", "max_epochs: many"]),
    13,
    /number for trainer_config\.max_epochs, got "many"/,
  ],
  [
    "no epochs",
    config(["max_epochs: 30", "max_epochs: 0"]),
    13,
    /trainer_config\.max_epochs, got 0/,
  ],
  [
    "half an epoch",
    config(["max_epochs: 30", "max_epochs: 0.5"]),
    13,
    /trainer_config\.max_epochs, got 0\.5/,
  ],
  [
    "a rate that climbs",
    config(["lr: 0.0001", "lr: -1"]),
    15,
    /trainer_config\.optimizer\.lr, got -1/,
  ],
  ["more than all", config(["0.1", "1.5"]), 2, /validation_fraction, got 1\.5/],
  [
    "no model",
    config(["    centroid:\n", "    centroid: null\n    x:\n"]),
    5,
    /head_configs, got "x"$/,
  ],
  [
    "no model at all",
    config(["    centroid:\n      confmaps:\n        anchor_part: head\n        sigma: 1.5\n", ""]),
    5,
    /head_configs, got none$/,
  ],
  [
    "two models",
    config(["single_instance: null", "single_instance: {}"]),
    5,
    /got single_instance and centroid$/,
  ],
  [
    "an unknown model",
    config(["head_configs:", "head_configs: topdown\n  rest:"]),
    5,
    /got "topdown"$/,
  ],
  [
    "an anchor that the skeleton lacks",
    config(["anchor_part: head", "anchor_part: nose"]),
    9,
    /skeleton \(head, thorax\).*anchor_part, got "nose"/,
  ],
  [
    "a part that the skeleton lacks",
    config(["sigma: 1.5", "part_names: [head, wing]"]),
    10,
    /part_names, got "wing"/,
  ],
  [
    "SLEAP 1.4",
    '{"data": {},\n "model": {"heads": {"centroid": {}}}}',
    2,
    /got one of SLEAP 1\.4 or older/,
  ],
];
for (const [what, text, line, message] of faults) {
  Deno.test(`what is wrong with a configuration is told with its line: ${what}`, () => {
    const fault = readTrainingConfig(text, ["head", "thorax"]);
    ok("message" in fault, "it was taken");
    match(fault.message, message);
    equal(fault.line, line);
  });
}

Deno.test("a few lines that stand for billions are refused", () => {
  const rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let row = 1; row < 12; row++) {
    rows.push(`a${row}: &a${row} [${Array(10).fill(`*a${row - 1}`).join(", ")}]`);
  }
  const fault = readTrainingConfig(rows.join("\n"));
  ok("message" in fault && /alias/i.test(fault.message));
});
