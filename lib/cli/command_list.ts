/**
 * Which commands there are and where each lives. Loads none of them: `--help` must be quick.
 */

import type { Command } from "./command.ts";

/** A command that can be loaded. */
export interface CommandEntry {
  readonly name: string;
  /** One line for the overview; the command's own help says the same. */
  readonly purpose: string;
  /** Whether the overview leaves it out. */
  readonly isHidden: boolean;
  load(): Promise<Command>;
}

function entry(name: string, purpose: string, load: () => Promise<Command>): CommandEntry {
  return { name, purpose, isHidden: false, load };
}

/** All commands, in the order in which the overview shows them. */
export const COMMANDS: readonly CommandEntry[] = [
  entry(
    "signal",
    "Run a signaling server",
    async () => (await import("./signal.ts")).signalCommand,
  ),
  entry(
    "create-room",
    "Make a room and the invite to it",
    async () => (await import("./create_room.ts")).createRoomCommand,
  ),
  entry(
    "extend-room",
    "Let a room live longer",
    async () => (await import("./extend_room.ts")).extendRoomCommand,
  ),
  entry(
    "worker",
    "Offer this machine's GPU to a room",
    async () => (await import("./worker.ts")).workerCommand,
  ),
  entry(
    "drain",
    "Have a worker of this machine take no more jobs",
    async () => (await import("./drain.ts")).drainCommand,
  ),
  entry(
    "discover",
    "List the workers of a room",
    async () => (await import("./discover.ts")).discoverCommand,
  ),
  entry(
    "top",
    "Show a room live: workers, queue and links",
    async () => (await import("./top.ts")).topCommand,
  ),
  entry(
    "train",
    "Train on a worker of a room and bring the results back",
    async () => (await import("./train.ts")).trainCommand,
  ),
  entry(
    "track",
    "Predict with trained models on a worker of a room",
    async () => (await import("./track.ts")).trackCommand,
  ),
  entry(
    "jobs",
    "List the jobs of a room, and those that were sent from here",
    async () => (await import("./jobs.ts")).jobsCommand,
  ),
  entry(
    "why",
    "Say why a job waits, or where it is",
    async () => (await import("./why.ts")).whyCommand,
  ),
  entry(
    "follow",
    "Come back to a job that runs, and bring the results home",
    async () => (await import("./follow.ts")).followCommand,
  ),
  entry(
    "stop",
    "End a running job soon, and keep its results",
    async () => (await import("./job_end.ts")).stopCommand,
  ),
  entry(
    "cancel",
    "End a job that runs or waits; it has no results then",
    async () => (await import("./job_end.ts")).cancelCommand,
  ),
  entry(
    "results",
    "Fetch the results of a job, or what one has written that failed",
    async () => (await import("./results.ts")).resultsCommand,
  ),
  entry(
    "cleanup-cognito",
    "Delete the users that anonymous sign-in left in Amazon Cognito",
    async () => (await import("./cleanup_cognito.ts")).cleanupCognitoCommand,
  ),
  entry(
    "bench-server",
    "Put a load on a signaling server and say how it bears it",
    async () => (await import("./bench_server.ts")).benchServerCommand,
  ),
  entry(
    "version",
    "Say which version this is and what it runs on",
    async () => (await import("./version.ts")).versionCommand,
  ),
  entry(
    "completion",
    "Write the completion script of a shell",
    async () => (await import("./completion.ts")).completionCommand,
  ),
  {
    ...entry(
      "demo-trainer",
      "Learn a package's labels with a small linear model, for trying things out",
      async () => (await import("./demo_trainer.ts")).demoTrainerCommand,
    ),
    isHidden: true,
  },
  {
    ...entry(
      "trainer-keeper",
      "Start a job's trainer and write down how it ends; workers use it",
      async () => (await import("./trainer_keeper.ts")).trainerKeeperCommand,
    ),
    isHidden: true,
  },
  {
    ...entry(
      "demo-tracker",
      "Predict keypoints with the demo trainer's model, for trying things out",
      async () => (await import("./demo_tracker.ts")).demoTrackerCommand,
    ),
    isHidden: true,
  },
  {
    ...entry(
      "job-stages",
      "Run the stages of a job one after the other",
      async () => (await import("./job_stages.ts")).jobStagesCommand,
    ),
    isHidden: true,
  },
];

/** Which command a line means, and the arguments that are left for it. */
export interface Choice {
  /** Absent where no word is a command. */
  readonly entry?: CommandEntry;
  /** The word that should have been a command, where there is one. */
  readonly stranger?: string;
  /** All other words, in their order: options may stand before the command. */
  readonly rest: readonly string[];
}

/**
 * Finds the command in a line: the first word that is no option and the name of a command, or else
 * the first word that neither is an option nor may be the value of the one before it.
 */
export function chooseCommand(args: readonly string[]): Choice {
  let stranger: string | undefined;
  for (const [index, word] of args.entries()) {
    if (word === "--") break;
    if (word.startsWith("-")) continue;
    const found = COMMANDS.find(({ name }) => name === word);
    if (found !== undefined && stranger === undefined) {
      return { entry: found, rest: args.toSpliced(index, 1) };
    }
    const before = args[index - 1];
    const mayBeValue = before !== undefined && before.startsWith("-") && !before.includes("=");
    if (!mayBeValue) stranger ??= word;
  }
  return stranger === undefined ? { rest: args } : { stranger, rest: args };
}

/** The overview that `sleap-rtc --help` prints. */
export function overviewLines(): string[] {
  const shown = COMMANDS.filter(({ isHidden }) => !isHidden);
  const width = Math.max(...shown.map(({ name }) => name.length));
  return [
    "Train SLEAP models on your lab's GPU machines from your laptop, peer to peer.",
    "",
    "Usage: sleap-rtc COMMAND [OPTION]...",
    "",
    "Commands:",
    ...shown.map(({ name, purpose }) => `  ${name.padEnd(width)}  ${purpose}`),
    "",
    "Examples:",
    "  sleap-rtc signal --port 8080",
    "  sleap-rtc create-room --server http://lab.example.org:8080 --ttl 30d",
    "  SLEAP_RTC_INVITE=… sleap-rtc worker --name gpu-box",
    "  SLEAP_RTC_INVITE=… sleap-rtc train labels.pkg.slp --config centroid.yaml",
    "",
    "Settings come from options, else SLEAP_RTC_SERVER, SLEAP_RTC_INVITE (or SLEAP_RTC_ROOM_ID,",
    "SLEAP_RTC_ROOM_TOKEN, SLEAP_RTC_ROOM_SECRET), else the TOML file that SLEAP_RTC_CONFIG names",
    "(otherwise sleap-rtc.toml here, or config.toml in ~/.sleap-rtc).",
    "",
    "`sleap-rtc COMMAND --help` says more, with examples and exit codes.",
  ];
}
