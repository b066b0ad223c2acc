/** The options that name a Cognito user pool, and what the environment says where they do not. */

import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { optional } from "@optique/core/modifiers";
import { option } from "@optique/core/primitives";
import { string } from "@optique/core/valueparser";
import type { Io } from "./io.ts";
import { Mistake } from "./mistake.ts";

/** `--region`, `--user-pool-id` and `--endpoint`. */
export const cognitoOptions = object("Amazon Cognito", {
  userPoolId: optional(option("--user-pool-id", string({ metavar: "ID" }), {
    description: message`The user pool, such as eu-west-1_AbCdEfGhI (else COGNITO_USER_POOL_ID)`,
  })),
  region: optional(option("--region", string({ metavar: "REGION" }), {
    description:
      message`The pool's region (else COGNITO_REGION, else the one that the pool's id begins with)`,
  })),
  endpoint: optional(option("--endpoint", string({ metavar: "URL" }), {
    description: message`Where the service answers, if not at AWS's own address (for stand-ins)`,
  })),
});

/** What {@linkcode cognitoOptions} gives. */
export interface CognitoFlags {
  readonly userPoolId: string | undefined;
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
}

/** A user pool that can be asked. */
export interface CognitoSettings {
  readonly userPoolId: string;
  readonly region: string;
  readonly endpoint?: string;
}

/**
 * The pool that the flags name, else the environment.
 *
 * @throws {Mistake} Where neither names one, or one that cannot be.
 */
export function cognitoSettings(flags: CognitoFlags, env: Io["env"]): CognitoSettings {
  const userPoolId = flags.userPoolId ?? env("COGNITO_USER_POOL_ID");
  if (userPoolId === undefined) {
    throw new Mistake(
      "Expected a Cognito user pool, got none; give --user-pool-id ID, or set COGNITO_USER_POOL_ID",
    );
  }
  const beginning = /^([\w-]+)_[0-9A-Za-z]+$/.exec(userPoolId)?.[1];
  if (beginning === undefined) {
    throw new Mistake(
      `Expected a user pool id such as eu-west-1_AbCdEfGhI, got \`${userPoolId}\`; the AWS console shows it`,
    );
  }
  const region = flags.region ?? env("COGNITO_REGION") ?? beginning;
  if (!/^[a-z0-9-]+$/.test(region)) {
    throw new Mistake(`Expected a region such as eu-west-1, got \`${region}\``);
  }
  const { endpoint } = flags;
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new Mistake(`Expected an address such as http://127.0.0.1:9229, got \`${endpoint}\``);
  }
  return { userPoolId, region, ...(endpoint === undefined ? {} : { endpoint }) };
}
