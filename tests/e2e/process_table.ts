/** Which processes this machine runs, as far as /proc tells: none where there is no /proc. */

/** A process. */
export interface ProcessRow {
  readonly pid: number;
  /** Its arguments, with spaces between. */
  readonly command: string;
}

/** Every process that can be looked into. */
export function processTable(): readonly ProcessRow[] {
  return pids().flatMap((pid) => {
    const command = read(`/proc/${pid}/cmdline`);
    return command === "" ? [] : [{ pid, command: command.replaceAll("\0", " ") }];
  });
}

/** The processes that name `folder` among their arguments or in their environment. */
export function processesOf(folder: string): readonly ProcessRow[] {
  return processTable().filter(({ pid, command }) =>
    pid !== Deno.pid && (command.includes(folder) || read(`/proc/${pid}/environ`).includes(folder))
  );
}

function pids(): readonly number[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger);
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    // It has just ended, or belongs to somebody else.
    if (isExpected(error)) return "";
    throw error;
  }
}

/** A process that ends while its file is read has no error class of its own, nor a code (Deno 2.9.6). */
function isExpected(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    (error instanceof Error && error.message.startsWith("No such process"));
}
