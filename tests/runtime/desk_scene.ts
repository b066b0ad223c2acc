/** What tests at a desk have in common: jobs, clients, scripts of trainers, and a desk for each test. */

import { join } from "node:path";
import { selfOf } from "../rtc/hello_self.ts";
import { withFolder } from "./condition.ts";
import { DeskLab, type DeskLabOptions, jobOf } from "./desk_lab.ts";

/** The job of most tests. */
export const ONE = jobOf("job-aaaaaaaa");
/** Another job. */
export const TWO = jobOf("job-bbbbbbbb");
/** A client of another installation. */
export const OTHER = selfOf("other", "c", "client");
/** Another process of the first client's installation. */
export const AGAIN = selfOf("laptop-again", "a", "client");
/** Writes a result. */
export const WRITES = "mkdir -p output; echo weights > output/model.json";
/** Says that it is up, and waits until `go` is there. */
export const WAITS = "echo up; while [ ! -e go ]; do sleep 0.02; done";
/** Trains until `go` is there, and tells of it before and after. */
export const TRAINS = `log=output/training_log.csv; echo epoch,train_loss,val_loss > $log; echo one
  echo 0,0.5,0.4 >> $log; ${WAITS}; echo two; echo 1,0.4,0.3 >> $log; ${WRITES}`;

/** Declares tests of `noun` with a desk of its own for each, whose trainer is the shell script `script`. */
export function deskTests(noun: string): (
  what: string,
  script: string,
  body: (lab: DeskLab) => Promise<void>,
  options?: DeskLabOptions,
) => void {
  return (what, script, body, options = {}) =>
    Deno.test({
      name: `${noun}: ${what}`,
      ignore: Deno.build.os === "windows",
      fn: () =>
        withFolder(async (folder) => {
          const lab = await DeskLab.open(folder, script, options);
          try {
            await body(lab);
          } finally {
            await lab.close();
          }
        }),
    });
}

/** Adds `field` to the specification of {@linkcode ONE}, as another version of this program might. */
export async function addToSpec(lab: DeskLab, field: string): Promise<void> {
  const path = join(lab.jobFolder(ONE), "spec.json");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace("{", `{ ${field},`));
}
