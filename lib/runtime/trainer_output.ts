/** One stream of a trainer's output, read to its end and cut into lines. Knows nothing of who hears them. */

import { type OutputLine, OutputLines } from "../job/output_lines.ts";

/** One stream of a trainer's output. */
export class TrainerOutput {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #tell: (line: OutputLine) => void;
  #stopping: Promise<void> | undefined;

  constructor(stream: ReadableStream<Uint8Array>, tell: (line: OutputLine) => void) {
    this.#reader = stream.getReader();
    this.#tell = tell;
  }

  /** Tells every line, until the stream ends. */
  async read(): Promise<void> {
    const lines = new OutputLines();
    const decoder = new TextDecoder();
    try {
      for (
        let piece = await this.#reader.read();
        !piece.done;
        piece = await this.#reader.read()
      ) {
        for (const line of lines.push(decoder.decode(piece.value, { stream: true }))) {
          this.#tell(line);
        }
      }
      for (const line of [...lines.push(decoder.decode()), ...lines.end()]) this.#tell(line);
    } finally {
      this.stop();
      await this.#stopping;
    }
  }

  /** Reads no further, though somebody holds the stream open. */
  stop(): void {
    this.#stopping ??= this.#reader.cancel();
  }
}
