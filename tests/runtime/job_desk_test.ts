/** The desk of a worker, with real files and real processes, over links in memory. */

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { systemClock } from "../../lib/runtime/clock.ts";
import { describeFolder } from "../../lib/runtime/file_digest.ts";
import type { Gpu, GpuSource } from "../../lib/runtime/gpu/gpu.ts";
import { JobGpu } from "../../lib/runtime/job_gpu.ts";
import { RunFolder } from "../../lib/runtime/run_folder.ts";
import { SAMPLE_CONFIG } from "../job/sample_config.ts";
import { selfOf } from "../rtc/hello_self.ts";
import { JobFolder } from "../../lib/runtime/job_folder.ts";
import { until, withFolder } from "./condition.ts";
import type { JobSpec } from "../../lib/protocol/job_spec.ts";
import { DeskLab, type DeskLabOptions, jobOf, REQUEST, SPEC } from "./desk_lab.ts";

const ONE = jobOf("job-aaaaaaaa");
const TWO = jobOf("job-bbbbbbbb");
const OTHER = selfOf("other", "c", "client");
/** Another process of the first client's installation. */
const AGAIN = selfOf("laptop-again", "a", "client");
const WRITES = "mkdir -p output; echo weights > output/model.json";
const WAITS = "echo up; while [ ! -e go ]; do sleep 0.02; done";

function test(
  what: string,
  script: string,
  body: (lab: DeskLab) => Promise<void>,
  options: DeskLabOptions = {},
): void {
  Deno.test({
    name: `job desk: ${what}`,
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

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

test(
  "a job from its reservation to its results",
  `echo epoch,train_loss,val_loss > output/training_log.csv
  echo 0,0.5,0.4 >> output/training_log.csv
  echo learning; cat "inputs/${SPEC.package}" > output/copy`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    equal((await client.next("job_log")).text, "learning");
    deepEqual((await client.next("job_metric")).epoch, {
      epoch: 0,
      train_loss: 0.5,
      val_loss: 0.4,
    });
    const { results } = await client.next("job_done");
    deepEqual(results.files.map(({ path }) => path), ["copy", "training_log.csv"]);
    const home = join(lab.folder, "home");
    await client.fetch(ONE, home);
    deepEqual(await describeFolder(join(home, "files")), results);
    deepEqual(lab.statuses, ["reserved", "busy", "available"]);
    deepEqual(lab.events(ONE), ["job_accepted", "job_log", "job_metric", "job_done"]);
    deepEqual(lab.warnings, []);
  },
);

test("a job whose worker died in its upload can be sent to it again", WRITES, async (lab) => {
  const client = await lab.client();
  // What an earlier life has left: a folder, an owner, no word of a run.
  const taken = new JobFolder(join(lab.folder, "worker", "jobs"), ONE);
  await taken.create(SPEC, client.self.peerId, { files: [] });
  await client.run(ONE);
  await client.next("job_done");
});

test("a job id that is taken gives nobody another's files", WRITES, async (lab) => {
  const ada = await lab.client();
  await ada.run(ONE);
  await ada.next("job_done");

  const bob = await lab.client(OTHER);
  bob.end.say({ type: "job_fetch", job_id: ONE });
  match((await bob.next("transfer_failed")).reason, /no results of such a job of this client/);
  await bob.reserve(ONE);
  await bob.next("job_lease");
  await rejects((await bob.upload(ONE)).done, /got one that is taken/);
  bob.start(ONE);
  equal((await bob.next("job_refused")).code, "unsuitable");
  bob.end.say({ type: "job_release", job_id: ONE });
  await until("the end of the lease", () => lab.statuses.at(-1) === "available");
  await ada.fetch(ONE, join(lab.folder, "home"));
  equal(await Deno.readTextFile(join(lab.folder, "home", "files", "model.json")), "weights\n");
});

test(
  "a client that leaves while it trains loses nothing of the job",
  `${WAITS}; ${WRITES}`,
  async (lab) => {
    const ada = await lab.client();
    await ada.run(ONE);
    await ada.next("job_log");
    ada.end.link.close("The laptop sleeps");
    const bob = await lab.client(OTHER);
    await bob.reserve(TWO);
    equal((await bob.next("job_refused")).code, "busy");
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("the end of the job", () => lab.statuses.at(-1) === "available");
    equal(lab.events(ONE).at(-1), "job_done");
    const back = await lab.client();
    await back.fetch(ONE, join(lab.folder, "home"));
  },
);

test(
  "a client that comes back hears what it has missed, and what comes",
  `echo one; echo two; ${WAITS}; echo three; ${WRITES}`,
  async (lab) => {
    const first = await lab.client();
    await first.run(ONE);
    await until("three lines", () => lab.events(ONE).length === 4);
    first.end.link.close("The laptop sleeps");

    const again = await lab.client(AGAIN);
    again.follow(ONE, 2);
    equal((await again.next("job_following")).after_sequence, 2);
    equal((await again.next("job_log")).text, "two");
    equal((await again.next("job_log")).text, "up");
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    const { text, sequence } = await again.next("job_log");
    deepEqual([text, sequence], ["three", 5]);
    equal((await again.next("job_done")).stopped_early, false);
    await again.fetch(ONE, join(lab.folder, "home"));

    const late = await lab.client();
    late.follow(ONE, 0);
    equal((await late.next("job_done")).sequence, 6);
    deepEqual(late.end.types, [
      "job_following",
      "job_accepted",
      "job_log",
      "job_log",
      "job_log",
      "job_log",
    ]);
  },
);

test(
  "a long log is told again whole and in order, in the middle of new words",
  `
  i=0; while [ $i -lt 3000 ]; do echo "epoch $i of many, with a line of some length"; i=$((i+1)); done
  ${WAITS}; i=0; while [ $i -lt 200 ]; do echo "more"; i=$((i+1)); done; ${WRITES}`,
  async (lab) => {
    const first = await lab.client();
    await first.run(ONE);
    await until("most lines", () => lab.events(ONE).length > 1_000);
    const again = await lab.client(AGAIN);
    again.follow(ONE, 0);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("the end", () => again.end.types.includes("job_done"));
    const heard = again.end.heard.flatMap((word) =>
      "sequence" in word && "attempt" in word ? [word.sequence] : []
    );
    deepEqual(heard, heard.map((_, index) => index + 1));
    equal(heard.length, lab.events(ONE).length);
  },
);

test("a stranger can neither follow a job nor end it", `${WAITS}; ${WRITES}`, async (lab) => {
  const ada = await lab.client();
  await ada.run(ONE);
  const bob = await lab.client(OTHER);
  bob.follow(ONE, 0);
  equal((await bob.next("job_refused")).code, "unknown_job");
  bob.endJob("job_cancel", ONE);
  equal((await bob.next("job_refused")).code, "unknown_job");
  await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
  await ada.next("job_done");
  bob.follow(ONE, 0);
  equal((await bob.next("job_refused")).code, "unknown_job");
  equal(bob.end.types.length, 0);
});

test("what cannot be followed is refused with the reason", WRITES, async (lab) => {
  const client = await lab.client();
  client.follow(ONE, 0);
  equal((await client.next("job_refused")).code, "unknown_job");
  await client.reserve(ONE);
  await client.next("job_lease");
  await until("its folder", () => isThere(join(lab.jobFolder(ONE), "job.json")));
  client.follow(ONE, 0);
  match((await client.next("job_refused")).reason, /has not started/);
  client.endJob("job_cancel", ONE);
  match((await client.next("job_refused")).reason, /has not started/);
  await (await client.upload(ONE)).done;
  client.start(ONE);
  await client.next("job_done");
  // More than there is: a power cut has taken words from the disk that were heard.
  client.follow(ONE, 99);
  equal((await client.next("job_following")).after_sequence, 0);
  equal((await client.next("job_accepted")).sequence, 1);
  equal((await client.next("job_done")).sequence, 2);
  client.endJob("job_stop", ONE);
  equal((await client.next("job_refused")).code, "over");
});

test(
  "a cancel ends the trainer and what it started before the slot is free",
  "trap '' TERM; sleep 60 & echo $!; trap 'exit 9' TERM; while :; do sleep 0.02; done",
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    const pid = Number((await client.next("job_log")).text);
    const again = await lab.client(AGAIN);
    again.endJob("job_cancel", ONE);
    equal((await again.next("job_following")).after_sequence, 2);
    await again.next("job_cancelled");
    equal(isThere(`/proc/${pid}`), false, "The trainer's own child outlives the job");
    await client.next("job_cancelled");
    equal(lab.statuses.at(-1), "available");
    again.end.say({ type: "job_fetch", job_id: ONE });
    match(
      (await again.next("transfer_failed")).reason,
      /The job was cancelled already, and has no results/,
    );
  },
);

test(
  "a stop lets the trainer keep what it has, however it ends then",
  `mkdir -p output; echo best > output/best.ckpt; trap 'exit 5' INT; echo up; while :; do sleep 0.02; done`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    client.endJob("job_stop", ONE);
    const { stopped_early, results } = await client.next("job_done");
    equal(stopped_early, true);
    deepEqual(results.files.map(({ path }) => path), ["best.ckpt"]);
    await client.fetch(ONE, join(lab.folder, "home"));
  },
);

test(
  "a job that is stopped before it wrote anything has failed, and says so",
  "trap 'exit 0' INT; echo up; while :; do sleep 0.02; done",
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    client.endJob("job_stop", ONE);
    match((await client.next("job_failed")).reason, /was stopped before it wrote a file/);
  },
);

test("a release in the middle of an upload ends it, and leaves no folder", WRITES, async (lab) => {
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  const upload = await client.upload(ONE);
  client.end.say({ type: "job_release", job_id: ONE });
  await rejects(upload.done, /The lease of the job ended/);
  await until("the folder's end", () => !isThere(lab.jobFolder(ONE)));
  await client.reserve(TWO);
  await client.next("job_lease", TWO);
});

test(
  "what arrived whole for a job that never ran is not sent again for the next",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.reserve(ONE);
    await client.next("job_lease");
    await (await client.upload(ONE)).done;
    client.end.say({ type: "job_release", job_id: ONE });
    await until("the folder's end", () => !isThere(lab.jobFolder(ONE)));
    await client.reserve(TWO);
    await client.next("job_lease", TWO);
    client.end.heard.length = 0;
    await (await client.upload(TWO)).done;
    deepEqual((await client.next("transfer_want", TWO)).runs, []);
    client.start(TWO);
    await client.next("job_done", TWO);
  },
  { cacheBytesMax: 0 },
);

test("with its verdict a job's inputs go, and its results stay", WRITES, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await client.next("job_done");
  await until("the inputs' end", () => !isThere(join(lab.jobFolder(ONE), "inputs")));
  await client.fetch(ONE, join(lab.folder, "home"));
  // The cache has its copy, which was made first.
  await client.reserve(TWO);
  await client.next("job_lease", TWO);
  client.end.heard.length = 0;
  await (await client.upload(TWO)).done;
  deepEqual((await client.next("transfer_want", TWO)).runs, []);
});

test(
  "what a training has written that failed then can be fetched",
  `${WRITES}; echo "no labelled frames" >&2; exit 1`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_failed");
    const home = join(lab.folder, "home");
    await client.fetch(ONE, home);
    equal(await Deno.readTextFile(join(home, "files", "model.json")), "weights\n");
  },
);

test(
  "of a job that runs or was cancelled it is said why there are no results",
  WAITS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    client.end.say({ type: "job_fetch", job_id: ONE });
    match((await client.next("transfer_failed")).reason, /^The job still runs: .*sleap-rtc follow/);
    client.end.heard.length = 0;
    client.endJob("job_cancel", ONE);
    await client.next("job_cancelled");
    client.end.say({ type: "job_fetch", job_id: ONE });
    match(
      (await client.next("transfer_failed")).reason,
      /^The job was cancelled already, and has no/,
    );
  },
);

test("where a training failed before it wrote a file, that is said", "exit 1", async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await client.next("job_failed");
  client.end.say({ type: "job_fetch", job_id: ONE });
  const { reason } = await client.next("transfer_failed");
  equal(reason, "The job has failed already, and its trainer has written no file");
});

test("a worker that stops while it trains ends the trainer, and says so", WAITS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await client.next("job_log");
  await lab.desk.stop();
  match((await client.next("job_failed")).reason, /The worker was stopped/);
  equal(lab.events(ONE).at(-1), "job_failed");
  equal(lab.statuses.at(-1), "draining");
  await client.reserve(TWO);
  equal((await client.next("job_refused")).code, "closed");
});

test(
  "a worker that stops during an upload keeps no lease and starts nothing",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.reserve(ONE);
    await client.next("job_lease");
    const upload = await client.upload(ONE);
    const stopped = lab.desk.stop();
    await rejects(upload.done, /The lease of the job ended/);
    await stopped;
    client.start(ONE);
    equal((await client.next("job_refused")).code, "unknown_job");
    equal(isThere(lab.jobFolder(ONE)), false);
  },
);

test(
  "a worker that has stopped sends no results: it would wait for its client",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    await lab.desk.stop();
    client.end.say({ type: "job_fetch", job_id: ONE });
    match((await client.next("transfer_failed")).reason, /The worker is stopping/);
  },
);

test(
  "a worker that drains ends the job and serves its client first",
  `${WAITS}; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    let isDrained = false;
    const drained = lab.desk.drain("The worker is to stop").then(() => isDrained = true);
    const notice = "[The worker is to stop]";
    await until(
      "the notice",
      () =>
        client.end.heard.some((word) =>
          word.type === "job_log" && word.text === notice && word.by_worker === true
        ),
    );
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await client.next("job_done");
    await client.fetch(ONE, join(lab.folder, "home"));
    equal(isDrained, false);
    client.end.link.close("The client is done");
    await drained;
  },
);

test(
  "a worker that drains does not wait for ever for clients that do not go",
  WRITES,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    await lab.desk.drain("The worker is to stop");
    equal(client.end.closedBecause, undefined);
  },
  { serveMs: 50 },
);

test("a worker that drains does not wait for those who only look on", WRITES, async (lab) => {
  const watcher = await lab.client(OTHER);
  await lab.desk.drain("The worker is to stop");
  equal(watcher.end.closedBecause, undefined);
});

test("a trainer that cannot be started fails its job, and frees the slot", "", async (lab) => {
  await Deno.writeTextFile(join(lab.folder, "sleap-nn"), "#!/no/such/program\n");
  const client = await lab.client();
  await client.run(ONE);
  match((await client.next("job_failed")).reason, /The trainer cannot be started: /);
  equal(lab.statuses.at(-1), "available");
  await client.reserve(TWO);
  await client.next("job_lease", TWO);
});

test(
  "a trainer that fails is quoted",
  "echo 'CUDA out of memory' >&2; exit 7",
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    const { exit_code, reason } = await client.next("job_failed");
    equal(exit_code, 7);
    equal(reason, "The trainer ended with exit code 7; its last complaint: CUDA out of memory");
  },
);

test(
  "an output with an odd name is left out and told of, and the rest are the results",
  `${WRITES}; echo image > 'output/viz epoch 1: val.png'`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    match(
      (await client.next("job_log")).text,
      /^\[1 of the trainer's files cannot be sent .*: "viz epoch 1: val.png" \(it has one of </,
    );
    const { results } = await client.next("job_done");
    deepEqual(results.files.map(({ path }) => path), ["model.json"]);
  },
);

test("a trainer that writes nothing has no results", "echo well", async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  match((await client.next("job_failed")).reason, /ended well but wrote no file/);
});

test(
  "a flood of output is cut, and the job ends well",
  `yes | head -c 2000000; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    const texts = client.end.heard.flatMap((message) =>
      message.type === "job_log" ? [message.text] : []
    );
    ok(texts.length > 100 && texts.length < 20_000, `${texts.length} lines`);
    // How many lines come after the last of these depends on when the flood ends.
    const cut = /^\[\d+ lines left out: the trainer prints too fast or too much\]$/;
    ok(texts.some((text) => cut.test(text)), "Nobody is told that lines are missing");
    equal(texts.at(-1), "y", "The last lines are told all the same");
  },
);

test(
  "a trainer that spoils what the worker writes down cannot spoil its job",
  `rm -f events.jsonl; mkdir events.jsonl; echo on; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_done");
    ok(lab.warnings.some((warning) => /cannot be written down/.test(warning)));
  },
);

test(
  "a word that the disk does not take is told to who comes late, and written down later",
  `${WAITS}; echo on; ${WAITS.replaceAll("go", "on")}; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    const log = join(lab.jobFolder(ONE), "events.jsonl");
    // A disk that takes nothing for a while.
    await Deno.rename(log, `${log}.kept`);
    await Deno.mkdir(log);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await client.next("job_log");
    await client.next("job_log");
    await Deno.remove(log);
    await Deno.rename(`${log}.kept`, log);
    const late = await lab.client(AGAIN);
    late.follow(ONE, 0);
    await until(
      "all words",
      () => late.end.heard.filter((word) => "sequence" in word).length === 4,
    );
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "on"), "");
    equal((await late.next("job_done")).sequence, 5);
    deepEqual(lab.events(ONE), ["job_accepted", "job_log", "job_log", "job_log", "job_done"]);
  },
);

test("a folder that cannot be made fails the upload and not the worker", WRITES, async (lab) => {
  await Deno.writeTextFile(join(lab.folder, "worker", "jobs"), "in the way");
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  await rejects((await client.upload(ONE)).done, /The receiver gave up/);
  client.end.say({ type: "job_release", job_id: ONE });
  await until("the end of the lease", () => lab.statuses.at(-1) === "available");
});

test("a newer link of a client takes the place of the older", WRITES, async (lab) => {
  const first = await lab.client();
  await first.reserve(ONE);
  await first.next("job_lease");
  // It never hears that the worker wants the files: they must not be sent before the link is cut.
  first.end.onMessage = () => {};
  const cut = await first.upload(ONE);
  const second = await lab.client();
  await rejects(cut.done, /The link closed/);
  match(first.end.closedBecause ?? "", /A newer link of the same client is open/);
  await (await second.upload(ONE)).done;
  second.start(ONE);
  await second.next("job_done");
});

test("an offer that begins anew takes the place of the older", WRITES, async (lab) => {
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  // The older one never hears that the worker wants the files, or it might be done first.
  const { onMessage } = client.end;
  client.end.onMessage = () => {};
  const older = await client.upload(ONE);
  await client.next("transfer_want");
  client.end.onMessage = onMessage;
  await (await client.upload(ONE)).done;
  older.end(new Error("The test is over"));
  await rejects(older.done, /The test is over/);
  client.start(ONE);
  await client.next("job_done");
});

test("other files than were reserved for are refused", WRITES, async (lab) => {
  const client = await lab.client();
  await client.reserve(ONE);
  await client.next("job_lease");
  const manifest = { files: [] };
  client.end.say({ type: "transfer_offer", job_id: ONE, purpose: "inputs", manifest });
  match((await client.next("transfer_failed")).reason, /the inputs of a job that it has leased/);
  client.end.say({ type: "transfer_offer", job_id: TWO, purpose: "results", manifest });
  match((await client.next("transfer_failed")).reason, /the inputs of a job that it has leased/);
});

test("words and bytes out of place do no harm", WRITES, async (lab) => {
  const client = await lab.client();
  const job = { job_id: ONE, purpose: "inputs" } as const;
  client.end.link.sendData(3, 99, new Uint8Array(10));
  client.end.say({ type: "transfer_want", ...job, runs: [{ index: 7, first: 2 ** 40, count: 1 }] });
  client.end.say({ type: "transfer_credit", ...job, received_bytes: 2 ** 50 });
  client.end.say({ type: "transfer_done", ...job });
  client.end.say({ type: "transfer_failed", ...job, reason: "no" });
  client.end.say({ type: "job_release", job_id: ONE });
  client.end.say({ type: "job_lease", request_id: REQUEST, job_id: ONE, lease_ms: 1 });
  client.end.say({ type: "job_alive" });
  await client.next("job_alive");
  deepEqual(lab.warnings, ["A client sent job_lease, which workers say"]);
  await client.run(ONE);
  await client.next("job_done");
});

/** Trains until `go` is there, and tells of it before and after. */
const TRAINS = `log=output/training_log.csv; echo epoch,train_loss,val_loss > $log; echo one
  echo 0,0.5,0.4 >> $log; ${WAITS}; echo two; echo 1,0.4,0.3 >> $log; ${WRITES}`;

test(
  "a worker that leaves its job takes it up in its next life, without a gap or a double",
  TRAINS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("three words", () => lab.events(ONE).length === 4);
    await lab.nextLife();
    deepEqual(lab.statuses.slice(-1), ["busy"]);
    const bob = await lab.client(OTHER);
    await bob.reserve(TWO);
    match((await bob.next("job_refused")).reason, /^The worker runs another job for .*epoch/);
    const again = await lab.client(AGAIN);
    again.follow(ONE, 2);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    equal((await again.next("job_done")).sequence, 7);
    deepEqual(lab.events(ONE).toSorted(), [
      "job_accepted",
      "job_done",
      "job_log",
      "job_log",
      "job_log",
      "job_metric",
      "job_metric",
    ]);
    await again.fetch(ONE, join(lab.folder, "home"));
    equal(lab.statuses.at(-1), "available");
  },
);

/** Trains one model of several, the second when `go` is there. */
const TRAINS_MODEL = `name=fly.1.centroid; for word in "$@"; do case "$word" in
    trainer_config.run_name=*.2.*) name=fly.2.centered_instance; ${WAITS};;
  esac; done
  mkdir -p "output/$name"; log="output/$name/training_log.csv"
  echo epoch,train_loss,val_loss > "$log"; echo 0,0.5,0.4 >> "$log"; echo 1,0.4,0.3 >> "$log"`;

test(
  "a worker that leaves a job of several models takes up those that are still to come",
  TRAINS_MODEL,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE, {
      ...SPEC,
      next_config_contents: [SAMPLE_CONFIG],
      model_types: ["centroid", "centered_instance"],
    });
    const metrics = () => lab.events(ONE).filter((type) => type === "job_metric").length;
    await until("the first model", () => metrics() === 2);
    await lab.nextLife();
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("the verdict", () => lab.statuses.at(-1) === "available");
    deepEqual([lab.events(ONE).at(-1), metrics()], ["job_done", 4]);
  },
);

test("a trainer that is gone is told before anything is sent", WRITES, async (lab) => {
  await Deno.remove(join(lab.folder, "sleap-nn"));
  const client = await lab.client();
  await client.reserve(ONE);
  match((await client.next("job_refused", ONE)).reason, /sleap-nn is gone/);
});

test(
  "losses that are no numbers are told as such",
  `log=output/training_log.csv; echo epoch,train_loss,val_loss > $log; echo 0,nan,inf >> $log; ${WRITES}`,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("the verdict", () => lab.statuses.at(-1) === "available");
    match(
      Deno.readTextFileSync(join(lab.jobFolder(ONE), "events.jsonl")),
      /"epoch":\{"epoch":0,"train_loss":null,"val_loss":null,"is_diverged":true\}/,
    );
  },
);

test("a job that ended while its worker was away is done, once", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  await lab.nextLife(async () => {
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("its end", () => isThere(join(lab.jobFolder(ONE), "run", "end.json")));
  });
  await until("the verdict", () => lab.events(ONE).at(-1) === "job_done");
  await until("a free slot", () => lab.statuses.at(-1) === "available");
  await lab.nextLife();
  equal(lab.events(ONE).filter((type) => type === "job_done").length, 1);
});

test("a job whose trainer and keeper are gone is lost, once", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  await lab.nextLife(() => lab.kill(ONE));
  await until("the verdict", () => lab.statuses.at(-1) === "available");
  await lab.nextLife();
  const again = await lab.client(AGAIN);
  again.follow(ONE, 4);
  match((await again.next("job_lost")).reason, /killed the process that kept the trainer/);
  equal(lab.events(ONE).filter((type) => type === "job_lost").length, 1);
  again.endJob("job_cancel", ONE);
  match((await again.next("job_refused")).reason, /is lost: nobody saw how it ended/);
});

test("a job of an earlier life is cancelled and stopped like any other", TRAINS, async (lab) => {
  for (
    const [job, type, verdict] of [
      [ONE, "job_cancel", "job_cancelled"],
      [TWO, "job_stop", "job_done"],
    ] as const
  ) {
    const client = await lab.client();
    await client.run(job);
    await until("three words", () => lab.events(job).length === 4);
    await lab.nextLife();
    const again = await lab.client(AGAIN);
    again.endJob(type, job);
    await again.next(verdict, job);
    equal(lab.statuses.at(-1), "available");
  }
});

test("what an earlier life wrote half or not at all is mended", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.reserve(TWO);
  await client.next("job_lease");
  await until("its folder", () => isThere(join(lab.jobFolder(TWO), "config", "config.yaml")));
  const leftOver = await Deno.readTextFile(join(lab.jobFolder(TWO), "job.json"));
  client.end.say({ type: "job_release", job_id: TWO });
  await until("its end", () => !isThere(lab.jobFolder(TWO)));
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  const log = join(lab.jobFolder(ONE), "events.jsonl");
  await lab.nextLife(async () => {
    await Deno.writeTextFile(log, '{"type":"job_log","jo', { append: true });
    await Deno.mkdir(lab.jobFolder(TWO));
    await Deno.writeTextFile(join(lab.jobFolder(TWO), "job.json"), leftOver);
  });
  equal(isThere(lab.jobFolder(TWO)), false, "A lease leaves a folder behind");
  await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
  await until("the verdict", () => lab.events(ONE).at(-1) === "job_done");
  const lines = (await Deno.readTextFile(log)).trimEnd().split("\n");
  await lab.nextLife(() => Deno.writeTextFile(log, `${lines.slice(0, -1).join("\n")}\n`));
  deepEqual(lab.events(ONE).slice(-2), ["job_metric", "job_done"]);
  deepEqual(lab.warnings, []);
});

/** Another version of this program may have written more into a job's specification. */
async function addToSpec(lab: DeskLab, field: string): Promise<void> {
  const path = join(lab.jobFolder(ONE), "spec.json");
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replace("{", `{ ${field},`));
}

test("a job that a later version began is taken up by an earlier one", TRAINS, async (lab) => {
  const client = await lab.client();
  await client.run(ONE);
  await until("three words", () => lab.events(ONE).length === 4);
  await lab.nextLife(() => addToSpec(lab, '"warm_up": 3'));
  equal(lab.statuses.at(-1), "busy");
  await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
  await until("the verdict", () => lab.events(ONE).at(-1) === "job_done");
});

test(
  "no second job is begun beside a trainer whose job cannot be read, and its process is named",
  TRAINS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("three words", () => lab.events(ONE).length === 4);
    const trainer = await new RunFolder(join(lab.jobFolder(ONE), "run")).trainer();
    await lab.nextLife(() => addToSpec(lab, "spoilt"));
    equal(lab.statuses.at(-1), "maintenance");
    const again = await lab.client(AGAIN);
    await again.reserve(TWO);
    const { code, reason } = await again.next("job_refused");
    equal(code, "closed");
    match(reason, new RegExp(`^Process ${trainer?.pid} still trains ${ONE}, which this worker`));
    again.endJob("job_cancel", ONE);
    equal((await again.next("job_refused")).reason, reason);
    await Deno.writeTextFile(join(lab.jobFolder(ONE), "go"), "");
    await until("a free worker", () => lab.statuses.at(-1) === "available");
    await again.reserve(TWO);
    await again.next("job_lease", TWO);
  },
);

test(
  "processes that outlive SIGKILL keep the next job away, and are named",
  TRAINS,
  async (lab) => {
    const client = await lab.client();
    await client.run(ONE);
    await until("three words", () => lab.events(ONE).length === 4);
    const run = new RunFolder(join(lab.jobFolder(ONE), "run"));
    const pid = (await run.trainer())?.pid ?? 0;
    await lab.nextLife(async () => {
      Deno.kill((await run.keeper())?.pid ?? 0, "SIGKILL");
      using _lock = await run.lock();
      const exit = { exit_code: 1, signal: null, complaint: "", is_buried: false };
      await run.writeEnd({ type: "exited", ...exit });
    });
    await until("the verdict", () => lab.events(ONE).at(-1) === "job_failed");
    await until("maintenance", () => lab.statuses.at(-1) === "maintenance");
    const again = await lab.client(AGAIN);
    await again.reserve(TWO);
    const { reason } = await again.next("job_refused");
    match(reason, new RegExp(`^Process (\\d+, )*${pid}(, \\d+)* of ${ONE} outlives SIGKILL`));
    Deno.kill(-pid, "SIGKILL");
    await until("a free worker", () => lab.statuses.at(-1) === "available");
  },
);

/** A driver whose GPU is used by `pids` with so much memory. */
class Driver implements GpuSource {
  readonly way = "nvidia-smi";
  pids: readonly number[] = [];
  fault: string | null = null;
  isBroken = false;

  get reading(): Gpu {
    return {
      state: "well",
      index: 0,
      uuid: "GPU-one",
      model: "Tesla T4",
      driverVersion: "550.1",
      cudaVersion: undefined,
      memoryTotalMb: 15_360,
      memoryUsedMb: this.pids.length === 0 ? 100 : 9_000,
      memoryFreeMb: 6_000,
      utilizationPercent: undefined,
      processes: this.pids,
    };
  }

  list(): Promise<Gpu[]> {
    return Promise.resolve([this.reading]);
  }

  read(): Promise<Gpu> {
    if (this.isBroken) return Promise.reject(new Error("The driver hangs"));
    return Promise.resolve(this.reading);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function gpuTest(
  what: string,
  script: string,
  body: (lab: DeskLab, driver: Driver) => Promise<void>,
): void {
  const driver = new Driver();
  const gpu = new JobGpu({ source: driver, gpu: driver.reading }, {
    clock: systemClock,
    fault: () => driver.fault,
    releaseMs: 300,
  });
  test(what, script, (lab) => body(lab, driver), { gpu });
}

gpuTest(
  "a cancelled job that still holds the GPU keeps the next one from it, and its process is named",
  "echo up; while :; do sleep 0.02; done",
  async (lab, driver) => {
    const client = await lab.client();
    await client.run(ONE);
    await client.next("job_log");
    // The trainer's id as the driver would go on telling it.
    const trainer = await new RunFolder(join(lab.jobFolder(ONE), "run")).trainer();
    const pid = trainer?.pid ?? 0;
    driver.pids = [pid];
    client.endJob("job_cancel", ONE);
    const { reason } = await client.next("job_cancelled");
    match(reason ?? "", new RegExp(`^Process ${pid} of ${ONE} still holds the worker's GPU`));
    equal(lab.statuses.at(-1), "maintenance");
    await client.reserve(TWO);
    const refused = await client.next("job_refused");
    deepEqual([refused.code, refused.reason], ["closed", reason]);
    driver.pids = [];
    await until("a free worker", () => lab.statuses.at(-1) === "available");
    await client.reserve(TWO);
    await client.next("job_lease", TWO);
  },
);

gpuTest(
  "memory that does not come back keeps the next job from the GPU, and those who use it are named",
  WRITES,
  async (lab, driver) => {
    const client = await lab.client();
    await client.run(ONE);
    driver.pids = [999_999_999];
    const { duration_ms } = await client.next("job_done");
    ok(duration_ms >= 300, `${duration_ms} ms`);
    equal(lab.statuses.at(-1), "maintenance");
    await client.reserve(TWO);
    const { reason } = await client.next("job_refused");
    match(reason, /held by job-aaaaaaaa: 9000 MB are used, by process 999999999 .*, 100 MB were/);
    await lab.nextLife();
    equal(lab.statuses.at(-1), "maintenance", "Another life of the worker forgets it");
    driver.pids = [];
    await until("a free worker", () => lab.statuses.at(-1) === "available");
    await lab.nextLife();
    equal(lab.statuses.at(-1), "draining", "A life that finds nothing has nothing to say");
  },
);

gpuTest(
  "a driver that does not answer after a job keeps the next one away",
  WRITES,
  async (lab, driver) => {
    const client = await lab.client();
    await client.run(ONE);
    driver.isBroken = true;
    await client.next("job_done");
    equal(lab.statuses.at(-1), "maintenance");
    driver.isBroken = false;
    await until("a free worker", () => lab.statuses.at(-1) === "available");
  },
);

gpuTest("a worker whose GPU has failed takes no job, and says why", WRITES, async (lab, driver) => {
  driver.fault = "NVML cannot find the GPU: GPU is lost (code 15)";
  const client = await lab.client();
  await client.reserve(ONE);
  const { code, reason } = await client.next("job_refused");
  equal(code, "closed");
  equal(reason, `The worker's GPU has failed: ${driver.fault}`);
  driver.fault = null;
  await client.reserve(ONE);
  await client.next("job_lease");
});

const unsuitable: [string, Parameters<typeof spec>[0], string][] = [
  ["a runner that is not here", { runner: "demo" }, "no_runner"],
  ["a package that is not among the inputs", { package: "other.slp" }, "unsuitable"],
];
for (const [what, change, code] of unsuitable) {
  test(`${what} is refused`, WRITES, async (lab) => {
    const client = await lab.client();
    await client.reserve(ONE, spec(change));
    equal((await client.next("job_refused")).code, code);
    deepEqual(lab.statuses, []);
  });
}

function spec(change: { runner?: "demo"; package?: string }): JobSpec {
  const { package: name = SPEC.package, runner } = change;
  if (runner === "demo") return { kind: "train", runner, package: name, run_name: "fly" };
  return { ...SPEC, package: name };
}
