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
      deepEqual(readTrainingConfig(text, { nodes: ["A", "B"] }), {
        modelType,
        maxEpochs,
        sleapNnVersion: "0.0.1",
      });
    },
  });
}

Deno.test("YAML and JSON are read alike", () => {
  const wanted = { modelType: "centroid", maxEpochs: 30, sleapNnVersion: undefined };
  deepEqual(readTrainingConfig(config(), { nodes: ["head", "thorax"] }), wanted);
  const json = JSON.stringify({
    data_config: {},
    model_config: { backbone_config: "unet", head_configs: { centroid: { confmaps: null } } },
    trainer_config: { max_epochs: 30 },
  });
  deepEqual(readTrainingConfig(json, { nodes: ["head"] }), wanted);
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
    "no backbone that there is",
    config(["backbone_config: unet", "backbone_config: {nonsense: 1}"]),
    4,
    /one of unet, convnext, swint in model_config\.backbone_config, got nonsense$/,
  ],
  [
    "two backbones",
    config(["backbone_config: unet", "backbone_config: {unet: {}, swint: {}}"]),
    4,
    /got unet and swint$/,
  ],
  [
    "a backbone by a name that is none",
    config(["backbone_config: unet", "backbone_config: resnet"]),
    4,
    /got "resnet"$/,
  ],
  [
    "labels to validate on",
    config(["validation_fraction: 0.1", "val_labels_path: /home/ann/val.slp"]),
    2,
    /null for data_config\.val_labels_path, got "\/home\/ann\/val\.slp".*--val-labels/,
  ],
  [
    "several of them",
    config(["validation_fraction: 0.1", "val_labels_path: [a.slp]"]),
    2,
    /val_labels_path, got a list/,
  ],
  [
    "labels to test on",
    config(["validation_fraction: 0.1", "test_file_path: /etc/shadow"]),
    2,
    /null for data_config\.test_file_path, got "\/etc\/shadow".*`track`/,
  ],
  [
    "weights of somebody's disk",
    config(["  head_configs:", "  pretrained_backbone_weights: ../best.ckpt\n  head_configs:"]),
    5,
    /null for model_config\.pretrained_backbone_weights, got "\.\.\/best\.ckpt"/,
  ],
  [
    "a checkpoint of somebody's disk",
    config(["max_epochs: 30", "resume_ckpt_path: best.ckpt"]),
    13,
    /null for trainer_config\.resume_ckpt_path, got "best\.ckpt".*--resume/,
  ],
  [
    "a folder under a key of a later sleap-nn",
    config(["max_epochs: 30", "viz: {keep: true, out_dir: /tmp}"]),
    13,
    /null for trainer_config\.viz\.out_dir, got "\/tmp"/,
  ],
  [
    "files behind a merge key",
    config(["validation_fraction: 0.1", "<<: {test_file_path: /etc/shadow}"]),
    2,
    /test_file_path, got "\/etc\/shadow"/,
  ],
  [
    "other files that Hydra is led to",
    config(["data_config:", "defaults: [/etc/other]\ndata_config:"]),
    1,
    /Expected no defaults/,
  ],
  ["a text that is long", config(["0.1", "x".repeat(5_000)]), 2, /^.{1,400}$/],
  [
    "SLEAP 1.4",
    '{"data": {},\n "model": {"heads": {"centroid": {}}}}',
    2,
    /got one of SLEAP 1\.4 or older/,
  ],
];
for (const [what, text, line, message] of faults) {
  Deno.test(`what is wrong with a configuration is told with its line: ${what}`, () => {
    const fault = readTrainingConfig(text, { nodes: ["head", "thorax"] });
    ok("message" in fault, "it was taken");
    match(fault.message, message);
    equal(fault.line, line);
  });
}

Deno.test("files that the runner puts in a configuration's place may be named there, and unset ones", () => {
  const well = [
    config(["validation_fraction: 0.1", "train_labels_path: [/home/ann/a.slp]"]),
    config(["validation_fraction: 0.1", "cache_img_path: /scratch/ann"]),
    config(["max_epochs: 30", "ckpt_dir: ../models"]),
    config(["validation_fraction: 0.1", "val_labels_path: []\n  test_file_path: ''"]),
  ];
  for (const text of well) deepEqual("message" in readTrainingConfig(text), false, text);
  const named = config(["validation_fraction: 0.1", "val_labels_path: /home/ann/val.slp"]);
  const replaced = { replaced: ["data_config.val_labels_path"] } as const;
  deepEqual("message" in readTrainingConfig(named, replaced), false);
});

Deno.test("a few lines that stand for billions are refused", () => {
  const rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let row = 1; row < 12; row++) {
    rows.push(`a${row}: &a${row} [${Array(10).fill(`*a${row - 1}`).join(", ")}]`);
  }
  const fault = readTrainingConfig(rows.join("\n"));
  ok("message" in fault && /alias/i.test(fault.message));
});
