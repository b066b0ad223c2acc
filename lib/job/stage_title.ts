/** What a job of several stages says at the beginning of each, among the lines of its trainers. */

/** What follows is the prediction on the labels that were trained on. */
export const PREDICTION_TITLE = "Predicting on the labels";

/**
 * The title of a model's training.
 *
 * @param index Which of `count` models it is, from 0.
 * @param name What the model is called.
 */
export function trainingTitle(index: number, count: number, name: string): string {
  return `Training model ${index + 1}/${count}: ${name}`;
}

/** What begins with `line`; `undefined` where it is no title. A trainer that says the same is believed. */
export function stageOf(line: string): "training" | "prediction" | undefined {
  if (line === PREDICTION_TITLE) return "prediction";
  return /^Training model \d+\/\d+: /.test(line) ? "training" : undefined;
}
