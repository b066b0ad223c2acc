/** The command `version`: which version this is, and what it runs on. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { withDefault } from "@optique/core/modifiers";
import { flag } from "@optique/core/primitives";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";
import type { Io } from "./io.ts";
import { cleanText, jsonText } from "./terminal_text.ts";

/** `sleap-rtc version`. */
export const versionCommand = defineCommand({
  name: "version",
  purpose: "Say which version this is and what it runs on",
  examples: ["sleap-rtc version", "sleap-rtc version --verbose", "sleap-rtc version --json"],
  exits: [],
  parser: object({
    verbose: withDefault(
      flag("-v", "--verbose", {
        description: message`Also ask the NVIDIA driver what GPUs there are, and by which way`,
      }),
      false,
    ),
    json: withDefault(flag("--json", { description: message`Print one JSON object` }), false),
  }),
  async run({ json, verbose }, io) {
    const { PROTOCOL_VERSION, SOFTWARE_VERSION } = await import("../protocol/version.ts");
    const { selectBackend } = await import("../rtc/backend.ts");
    const reasons: string[] = [];
    const backend = await selectBackend("auto", {
      write: (_level, _sentence, { why } = {}) => {
        if (typeof why === "string") reasons.push(why);
      },
    });
    await backend.dispose();
    const facts = {
      version: SOFTWARE_VERSION,
      protocol: PROTOCOL_VERSION,
      deno: Deno.version.deno,
      platform: `${Deno.build.os} ${Deno.build.arch}`,
      rtc: backend.name,
      rtc_reason: reasons.join("; "),
    };
    const gpus = verbose ? await lookAtGpus(io) : undefined;
    if (json) io.out(jsonText({ ...facts, ...gpus?.facts }));
    else {
      io.out(`sleap-rtc ${facts.version} (protocol ${facts.protocol})`);
      io.out(`Deno      ${facts.deno}`);
      io.out(`Platform  ${facts.platform}`);
      io.out(
        `WebRTC    ${facts.rtc}${reasons.length === 0 ? "" : ` (${cleanText(facts.rtc_reason)})`}`,
      );
      for (const line of gpus?.lines ?? []) io.out(line);
    }
    return EXIT.ok;
  },
});

async function lookAtGpus(io: Io) {
  const { takeInventory } = await import("../runtime/gpu/inventory.ts");
  const { gpuFacts, gpuLines } = await import("./gpu_view.ts");
  const inventory = await takeInventory({ env: io.env });
  if (inventory.state === "found") await inventory.source.close();
  return { facts: gpuFacts(inventory), lines: gpuLines(inventory) };
}
