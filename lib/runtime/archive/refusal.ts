/** Why an archive is not opened, in words. Opens nothing. */

/** What is wrong with an archive, for those who decide by it. */
export type ArchiveFault =
  /** It is cut short, or its tables contradict each other. */
  | "damaged"
  /** It holds more than is taken: entries, bytes, or bytes for what it weighs. */
  | "too_large"
  /** A name that may lead elsewhere, or that two systems read differently. */
  | "name"
  /** Two entries of one name, or that use the same bytes. */
  | "overlap"
  /** A link, a device or a socket. */
  | "not_a_file"
  /** It is encrypted, in parts, or packed in a way that we do not read. */
  | "unsupported"
  /** An entry's bytes are not those that were packed. */
  | "checksum";

/** An archive that is not opened. The message says what was wanted and got, and what to do next. */
export class ArchiveRefused extends Error {
  override readonly name = "ArchiveRefused";
  readonly fault: ArchiveFault;

  constructor(fault: ArchiveFault, message: string, options?: ErrorOptions) {
    super(`${message}; unpack it yourself and give the folder`, options);
    this.fault = fault;
  }
}
