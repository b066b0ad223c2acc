/** Which identities there are, and how each is opened. Loads none that is not wanted. */

import type { CognitoOptions, CognitoPorts } from "./cognito.ts";
import type { Identity } from "./identity.ts";
import { LocalIdentity } from "./local.ts";

/** An identity, and what it takes to open it. */
export type IdentityChoice =
  /** Keys in `folder`, which must exist. */
  | { readonly kind: "local"; readonly folder: string }
  | { readonly kind: "cognito" } & CognitoOptions;

/**
 * Opens an identity.
 *
 * @throws {Error} Where it cannot be opened.
 */
export async function openIdentity(choice: IdentityChoice, ports: CognitoPorts): Promise<Identity> {
  switch (choice.kind) {
    case "local":
      return await LocalIdentity.open(choice.folder, ports.clock, ports.randomBytes);
    case "cognito": {
      const { CognitoIdentity } = await import("./cognito.ts");
      return new CognitoIdentity(choice, ports);
    }
  }
  return choice satisfies never;
}
