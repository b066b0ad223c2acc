/** From the arguments of `track` to what is sent: files looked into, limits checked. Sends nothing. */

import type { PathMap } from "../protocol/mount.ts";
import { inspectPackage } from "../runtime/training_package.ts";
import { isLabels } from "../runtime/input_bundle.ts";
import { findModels, modelInputs } from "../runtime/model_folder.ts";
import { listVideos } from "../runtime/training_package/video_list.ts";
import { count } from "./amount.ts";
import { checkedSpec, labelsName, type PreparedJob, videosOf, withBundle } from "./input_option.ts";
import { Mistake } from "./mistake.ts";
import { mapsOf } from "./mount_option.ts";
import { runNameOf, videosFact } from "./training_request.ts";

/** What the command line says of predictions. */
export interface TrackingFlags {
  readonly file: string;
  readonly runner: "sleap-nn" | "demo";
  readonly models: readonly string[];
  readonly batchSize: number | undefined;
  readonly peakThreshold: number | undefined;
  readonly only: "suggested" | "user" | "predicted" | undefined;
  readonly excludeUserLabeled: boolean;
  readonly frames: string | undefined;
  readonly videoIndex: number | undefined;
  readonly runName: string | undefined;
  readonly maps: readonly string[];
}

/**
 * Looks into the labels or the video and the models, and writes the job's specification.
 *
 * @param settings Prefixes of paths from the settings, weaker than the command line's.
 * @throws {Mistake} With the exit code for bad input where a file cannot be used, and with that for
 * usage where an option is wrong.
 */
export async function prepareTracking(
  flags: TrackingFlags,
  settings: readonly PathMap[] = [],
): Promise<PreparedJob> {
  if (flags.models.length === 0) {
    throw new Mistake(
      "Expected --model FOLDER, the results of a training, got none; it may be repeated",
    );
  }
  return await withBundle(flags.file, async (bundle) => {
    const { local, path } = bundle.labels;
    const videos = await isLabels(local)
      ? (await listVideos(local)).map(({ files: [first = ""] }) => first)
      : [];
    // The demo model knows no videos: it predicts on the frames that are labelled and inside.
    if (flags.runner === "demo") await inspectPackage(local);
    const found = (await Promise.all(flags.models.map((folder) =>
      findModels(folder, flags.runner)
    )))
      .flat();
    const models = found.map((model, index) => modelInputs(model, index + 1));
    const maps = [...mapsOf(flags.maps), ...settings];
    const only = flags.runner === "demo" ? {} : {
      peak_threshold: flags.peakThreshold,
      frame_filter: flags.only,
      exclude_user_labeled: flags.excludeUserLabeled ? true : undefined,
      frames: flags.frames,
      video_index: flags.videoIndex,
    };
    const spec = checkedSpec({
      kind: "track",
      runner: flags.runner,
      package: path,
      run_name: flags.runName ?? runNameOf(flags.file),
      batch_size: flags.batchSize,
      models: models.map((model) => model.path),
      videos: videos.length === 0 ? undefined : videos,
      maps: maps.length === 0 ? undefined : maps,
      ...only,
    });
    const sent = videosOf(bundle, videos);
    return {
      spec,
      packagePath: local,
      others: [...sent, ...models.flatMap(({ files }) => files)],
      facts: [
        `Predicting on ${labelsName(flags.file, bundle)} with ${count(models.length, "model")}`,
        ...found.map(({ folder }) => `Model ${folder}`),
        ...videosFact(videos.length, sent.length),
      ],
    };
  });
}
