/** The command `cleanup-cognito`: says that this build has no Cognito users to delete. */

import { object } from "@optique/core/constructs";
import { defineCommand } from "./command.ts";
import { EXIT } from "./exit_code.ts";

/** `sleap-rtc cleanup-cognito`. */
export const cleanupCognitoCommand = defineCommand({
  name: "cleanup-cognito",
  purpose: "Delete the users that anonymous sign-in left in Amazon Cognito",
  examples: ["sleap-rtc cleanup-cognito"],
  exits: [],
  parser: object({}),
  run(_given, io) {
    io.err(
      "Error: Expected a signaling server that signs people in with Amazon Cognito, got this build, which signs them in locally and keeps no users: there is nothing to delete",
    );
    io.err(
      "`sleap-rtc signal --identity cognito` will select Cognito; this build does not have that option yet",
    );
    return Promise.resolve(EXIT.usage);
  },
});
