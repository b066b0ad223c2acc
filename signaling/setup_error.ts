/** What a server cannot start with as it is. */

/** The place that rooms or keys are kept in is not fit for it: for whoever runs the server to put right. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}
