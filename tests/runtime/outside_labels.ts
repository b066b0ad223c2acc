/** Labels whose frames are in videos elsewhere, made for tests. */

import { Instance, LabeledFrame, Labels, saveSlp, Skeleton, Video } from "@talmolab/sleap-io.js";

/** Writes labels of two keypoints with a labelled frame for each video that is named. */
export async function writeOutsideLabels(
  path: string,
  videos: readonly (string | string[])[],
): Promise<void> {
  const skeleton = new Skeleton({
    name: "fly",
    nodes: ["head", "thorax"],
    edges: [["head", "thorax"]],
  });
  const made = videos.map((filename) => new Video({ filename, openBackend: false }));
  const labeledFrames = made.map((video) =>
    new LabeledFrame({
      video,
      frameIdx: 0,
      instances: [Instance.fromArray([[1, 2], [3, 4]], skeleton)],
    })
  );
  await saveSlp(new Labels({ labeledFrames, videos: made, skeletons: [skeleton] }), path);
}
