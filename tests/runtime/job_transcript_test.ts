/** The job flow of ARCHITECTURE section 4 between a client and a real desk, against a golden file. */

import { join } from "node:path";
import type { LinkMessage } from "../../lib/protocol/link_message.ts";
import { selfOf } from "../rtc/hello_self.ts";
import { checkTranscript } from "../sim/transcript.ts";
import { withFolder } from "./condition.ts";
import { DeskLab, jobOf, SPEC } from "./desk_lab.ts";

const JOB = jobOf("job-aaaaaaaa");
const OTHER = jobOf("job-bbbbbbbb");
/** A trainer that says one thing after the other, each when it is told to go on. */
const TRAINER = `
step() { while [ ! -e "$1" ]; do sleep 0.02; done; }
echo learning; step first
echo epoch,train_loss,val_loss > output/training_log.csv
echo 0,0.5,0.4 >> output/training_log.csv; step second
echo weights > output/model.json`;
/** Signs of life and progress: how many there are is chance. */
const UNTOLD: ReadonlySet<string> = new Set(["job_alive", "transfer_credit"]);
/** What is different each time. */
const CHANGING: ReadonlySet<string> = new Set(["duration_ms", "retry_after_ms", "reason"]);

/** What was said, a line each: names for digests, no times. */
class JobTranscript {
  readonly #lines: string[] = [];
  readonly #digests = new Map<string, string>();

  get text(): string {
    return `${this.#lines.join("\n").trim()}\n`;
  }

  note(text: string): void {
    this.#lines.push("", `# ${text}`);
  }

  hear(by: string, message: LinkMessage): void {
    if (UNTOLD.has(message.type)) return;
    const text = JSON.stringify(message, (key, value: unknown) => {
      if (key === "request_id") return undefined;
      if (CHANGING.has(key)) return "…";
      return key === "sha256" && typeof value === "string" ? this.#nameOf(value) : value;
    });
    this.#lines.push(`${by}: ${text.replaceAll('"', "")}`);
  }

  #nameOf(digest: string): string {
    const name = this.#digests.get(digest) ?? `digest${this.#digests.size + 1}`;
    this.#digests.set(digest, name);
    return name;
  }
}

Deno.test({
  name: "transcript: a job",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const transcript = new JobTranscript();
      const lab = await DeskLab.open(folder, TRAINER, {
        overhear: ({ peerId }, message) => transcript.hear(peerId.split("-")[0] ?? "", message),
      });
      const goOn = (step: string) => Deno.writeTextFile(join(lab.jobFolder(JOB), step), "");
      try {
        const client = await lab.client();
        transcript.note("A client asks for the slot, which the worker leases to it");
        await client.reserve(JOB);
        await client.next("job_lease");
        transcript.note("It sends what the worker lacks; the bytes themselves are data frames");
        await (await client.upload(JOB)).done;
        transcript.note("The job runs: what the trainer says is numbered");
        client.start(JOB);
        await client.next("job_log");
        transcript.note("Another client is told that the slot is taken");
        const other = await lab.client(selfOf("another", "c", "client"));
        await other.reserve(OTHER, SPEC);
        await other.next("job_refused");
        transcript.note("The client goes away; the job does not mind, and goes on");
        client.end.link.close("A story");
        await goOn("first");
        transcript.note("Another process of the same person comes and misses nothing");
        const back = await lab.client(selfOf("back", "a", "client"));
        back.follow(JOB, 0);
        await back.next("job_metric");
        transcript.note("The job is done, and the verdict is the worker's");
        await goOn("second");
        await back.next("job_done");
        transcript.note("The results are fetched, as files that have arrived before were sent");
        await back.fetch(JOB, join(folder, "home"));
      } finally {
        await lab.close();
      }
      checkTranscript("job", transcript);
    }),
});
