/** What the person who typed the command can put right. Knows nothing of how it is shown. */

import { EXIT } from "./exit_code.ts";

/** Wrong arguments or a wrong file. The message says what was wanted, what was got, what to do next. */
export class Mistake extends Error {
  override readonly name = "Mistake";
  readonly exitCode: number;

  constructor(message: string, options: ErrorOptions & { readonly exitCode?: number } = {}) {
    super(message, options);
    this.exitCode = options.exitCode ?? EXIT.usage;
  }
}
