/** The whole terminal for one command: another page, no cursor, keys as they are pressed. */

/** The alternate page (xterm's 1049), without a cursor. */
const TAKE = "\u001b[?1049h\u001b[?25l\u001b[2J";
const GIVE_BACK = "\u001b[?25h\u001b[?1049l";

/** Hears the keyboard while the terminal is held. */
export interface TerminalListener {
  /** One or more keys. */
  key(text: string): void;
  /** No more keys will come. */
  failed(error: unknown): void;
}

/** A terminal that is held. */
export interface TerminalHold {
  /** Gives it back as it was. Twice does nothing more. */
  release(): void;
}

/** The keyboard, as far as it is needed. */
export interface Keyboard {
  isTerminal(): boolean;
  setRaw(isRaw: boolean, options?: { cbreak: boolean }): void;
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Where and how the terminal is held. */
export interface HoldParts {
  readonly keyboard: Keyboard;
  draw(text: string): void;
  /** Calls back when the process ends without a release, as at a second Ctrl-C; gives how to undo that. */
  atEnd(release: () => void): () => void;
}

/**
 * Takes the terminal. It is given back by `release`, or when the process ends, whichever comes first, and
 * once. Ctrl-C still makes its signal.
 */
export function holdTerminal(
  { keyboard, draw, atEnd }: HoldParts,
  listener: TerminalListener,
): TerminalHold {
  const hasKeys = keyboard.isTerminal();
  let isHeld = true;
  const release = () => {
    if (!isHeld) return;
    isHeld = false;
    forget();
    // The keyboard first: a terminal that is gone cannot be drawn on.
    if (hasKeys) keyboard.setRaw(false);
    draw(GIVE_BACK);
  };
  const forget = atEnd(release);
  try {
    if (hasKeys) keyboard.setRaw(true, { cbreak: true });
    draw(TAKE);
  } catch (error) {
    release();
    throw error;
  }
  const listen = async () => {
    const buffer = new Uint8Array(64);
    const decoder = new TextDecoder();
    try {
      while (isHeld) {
        const length = await keyboard.read(buffer);
        if (length === null) return;
        const text = decoder.decode(buffer.subarray(0, length), { stream: true });
        if (isHeld) listener.key(text);
      }
    } catch (error) {
      if (isHeld) listener.failed(error);
    }
  };
  // Not awaited by anybody: a read of the keyboard ends with the next key or with the process.
  if (hasKeys) void listen();
  return { release };
}
