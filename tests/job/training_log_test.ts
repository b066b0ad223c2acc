import { deepEqual, equal } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import {
  type EpochRow,
  LOG_LINE_LENGTH_MAX,
  type LogEntry,
  TrainingLogParser,
} from "../../lib/job/training_log.ts";

const DATA = new URL("../../../shared/data/sleap-nn/", import.meta.url);
const HEADER = "epoch,train_loss,val_loss,learning_rate,train_time,val_time\n";

function parse(...chunks: string[]): LogEntry[] {
  const parser = new TrainingLogParser();
  return [...chunks.flatMap((chunk) => parser.push(chunk)), ...parser.end()];
}

function rowsOf(entries: readonly LogEntry[]): EpochRow[] {
  return entries.flatMap((entry) => entry.kind === "row" ? [entry.row] : []);
}

const row = {
  trainLoss: null,
  valLoss: null,
  learningRate: null,
  isDiverged: false,
  isOver: false,
  metrics: {},
};
const over = { ...row, isOver: true };

const texts: [string, string[], EpochRow[]][] = [
  ["nothing", [""], []],
  ["a header only", [HEADER], []],
  ["sleap-nn's first row, without a training loss", [HEADER, "0,,0.5,0.1,,\n"], [
    { ...row, epoch: 0, valLoss: 0.5, learningRate: 0.1 },
  ]],
  ["times as metrics", [HEADER, "1,0.25,0.5,1e-4,3.5,0.02\n"], [{
    ...over,
    epoch: 1,
    trainLoss: 0.25,
    valLoss: 0.5,
    learningRate: 1e-4,
    metrics: { train_time: 3.5, val_time: 0.02 },
  }]],
  [
    "pieces cut within a number",
    [HEADER.slice(0, 9), HEADER.slice(9) + "1,0.2", "5,0.5,", ",,\n"],
    [
      { ...over, epoch: 1, trainLoss: 0.25, valLoss: 0.5 },
    ],
  ],
  ["a last line that is not closed", [HEADER, "1,0.25,0.5,,,"], [
    { ...over, epoch: 1, trainLoss: 0.25, valLoss: 0.5 },
  ]],
  ["Windows line ends", [HEADER.replace("\n", "\r\n"), "1,0.25,0.5,,,\r\n"], [
    { ...over, epoch: 1, trainLoss: 0.25, valLoss: 0.5 },
  ]],
  ["a training gone astray", [HEADER, "1,nan,inf,0.1,,\n"], [
    { ...over, epoch: 1, learningRate: 0.1, isDiverged: true },
  ]],
  ["other columns, one with a comma in its name", [
    'epoch,"ear, left",val_loss\n',
    '3,0.5,"0.25"\n',
  ], [{ ...row, epoch: 3, valLoss: 0.25, metrics: { "ear, left": 0.5 } }]],
  ["a second header after a resumption", ["epoch,val_loss\n0,1\n", "epoch,train_loss\n1,2\n"], [
    { ...row, epoch: 0, valLoss: 1 },
    { ...over, epoch: 1, trainLoss: 2 },
  ]],
];

for (const [what, chunks, rows] of texts) {
  Deno.test(`a training log: ${what}`, () => {
    const entries = parse(...chunks);
    deepEqual(rowsOf(entries), rows);
    equal(entries.length, rows.length);
  });
}

const unreadable: [string, string[], string][] = [
  ["no header", ["1,2,3\n"], 'Expected a header that starts with `epoch`, got "1,2,3"'],
  ["too few cells", [HEADER, "1,2\n"], 'Expected 6 cells, got 2, got "1,2"'],
  ["an epoch in words", [HEADER, "one,,,,,\n"], 'Expected a whole epoch from 0, got "one,,,,,"'],
  ["half an epoch", [HEADER, "0.5,,,,,\n"], 'Expected a whole epoch from 0, got "0.5,,,,,"'],
  [
    "an endless line",
    [HEADER, ...Array.from({ length: 5 }, () => "1".repeat(LOG_LINE_LENGTH_MAX / 2)), "\n"],
    "Expected a line of at most 65536 characters, got a longer one",
  ],
];

for (const [what, chunks, reason] of unreadable) {
  Deno.test(`a training log says what it cannot read, and goes on: ${what}`, () => {
    const entries = parse(...chunks, HEADER, "7,,1,,,\n");
    deepEqual(entries, [
      { kind: "unreadable", reason },
      { kind: "row", row: { ...row, epoch: 7, valLoss: 1 } },
    ]);
  });
}

const real: [string, number, string[]][] = [
  ["minimal_instance_centroid-training_log.csv", 23, ["train_time", "val_time"]],
  ["single_instance_with_metrics-training_log.csv", 6, ["train_time", "val_time", "A", "B"]],
];

for (const [name, count, metrics] of real) {
  Deno.test({
    name: `sleap-nn's own log, in pieces of every size: ${name} (skipped without ../shared/data)`,
    ignore: !existsSync(DATA),
    fn: () => {
      const text = readFileSync(new URL(name, DATA), "utf8");
      const whole = rowsOf(parse(text));
      equal(whole.length, count);
      equal(whole[0]?.trainLoss, null);
      equal(whole.slice(1).every(({ trainLoss, valLoss }) => trainLoss !== null && valLoss), true);
      deepEqual(Object.keys(whole.at(-1)?.metrics ?? {}), metrics);
      for (const size of [1, 7, 100]) {
        const chunks = text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
        deepEqual(rowsOf(parse(...chunks)), whole);
      }
    },
  });
}

Deno.test("the log of sleap-nn 0.3.5: a row when an epoch is validated, its training loss in the next", () => {
  const text = [
    "epoch,train/loss,val/loss,learning_rate,train/time,val/time,train/confmap_loss_fg,val/confmap_loss_fg",
    "0,,0.0086434381082654,,,0.12261557579040527,,0.44346705079078674",
    "1,0.009256696328520775,0.007675629574805498,9.999999747378752e-05,18.9,0.13,0.42,0.45",
    "2,nan,0.006651140283793211,9.999999747378752e-05,5.9,0.18,0.43,0.46",
    "",
  ].join("\n");
  const rows = rowsOf(parse(text));
  deepEqual(
    rows.map((
      { epoch, trainLoss, valLoss, isOver, isDiverged },
    ) => [epoch, trainLoss, valLoss, isOver, isDiverged]),
    [
      [0, null, 0.0086434381082654, true, false],
      [1, 0.009256696328520775, 0.007675629574805498, true, false],
      [2, null, 0.006651140283793211, true, true],
    ],
  );
  deepEqual(Object.keys(rows[1]?.metrics ?? {}), [
    "train/time",
    "val/time",
    "train/confmap_loss_fg",
    "val/confmap_loss_fg",
  ]);
});
