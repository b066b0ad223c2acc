/** The house rules as one lint plugin. Knows which rules there are, not what they say. */

import { doors } from "./doors.ts";
import {
  fileName,
  importMap,
  noCast,
  noConsole,
  noDoubt,
  noEmptyCatch,
  openingSentence,
} from "./house.ts";
import { layers } from "./layers.ts";
import { purity } from "./purity.ts";

const plugin: Deno.lint.Plugin = {
  name: "house",
  rules: {
    layers,
    purity,
    doors,
    "file-name": fileName,
    "opening-sentence": openingSentence,
    "no-console": noConsole,
    "no-doubt": noDoubt,
    "no-empty-catch": noEmptyCatch,
    "no-cast": noCast,
    "import-map": importMap,
  },
};

export default plugin;
