/**
 * What a frame is: the first byte tells its kind, the rest belongs to the kind. Pure. Knows nothing
 * of links, nor of what a message says.
 *
 * | kind | frame |
 * |---|---|
 * | 1, message | 1 byte, 1 where it is the last fragment and 0 where more follow; UTF-8 text |
 * | 2, data | u32 stream, u64 offset in the stream (both big-endian); at least 1 byte |
 * | 3 | reserved for sealed frames (ARCHITECTURE decision 2) |
 * | 4, bye | UTF-8 text: why the sender closes the link |
 */

import { LINK_MESSAGE_BYTES_MAX } from "../base/limits.ts";

const MESSAGE = 1;
const DATA = 2;
const BYE = 4;

const MESSAGE_HEADER_BYTES = 2;
const DATA_HEADER_BYTES = 13;
const BYE_HEADER_BYTES = 1;

/** The reason of a bye, in bytes. Higher: a stranger fills our logs; lower: reasons are cut. */
export const BYE_REASON_BYTES_MAX = 200;
/** The bytes of one `sendData`. Higher: more stand in the buffer at once; lower: more calls. */
export const DATA_BYTES_MAX = 1024 * 1024;

/** What frames say, put together again. */
export type Frame =
  | { readonly kind: "message"; readonly text: string }
  | {
    readonly kind: "data";
    readonly stream: number;
    readonly offset: number;
    /** A view of the frame that was read. */
    readonly bytes: Uint8Array;
  }
  | { readonly kind: "bye"; readonly reason: string };

/** A frame, or a sequence of frames, that nobody following the protocol sends. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/**
 * The frames of one message.
 *
 * @param frameBytesMax The largest frame that the link takes, in bytes.
 * @throws {RangeError} Where the message is larger than `LINK_MESSAGE_BYTES_MAX`.
 */
export function encodeMessage(text: string, frameBytesMax: number): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > LINK_MESSAGE_BYTES_MAX) {
    throw new RangeError(
      `Expected a message of at most ${LINK_MESSAGE_BYTES_MAX} bytes, got ${bytes.length}`,
    );
  }
  const room = roomIn(frameBytesMax, MESSAGE_HEADER_BYTES);
  const frames: Uint8Array[] = [];
  let start = 0;
  do {
    const part = bytes.subarray(start, start + room);
    start += room;
    const frame = new Uint8Array(MESSAGE_HEADER_BYTES + part.length);
    frame[0] = MESSAGE;
    frame[1] = start >= bytes.length ? 1 : 0;
    frame.set(part, MESSAGE_HEADER_BYTES);
    frames.push(frame);
  } while (start < bytes.length);
  return frames;
}

/**
 * The frames that carry `bytes`, which stand at `offset` of `stream`. None where there are none.
 * Each is a view of `room`, and good until the next is asked for: a large file is millions of frames,
 * and a buffer for each cost more than its digest.
 *
 * @param stream A whole number below 2^32.
 * @param offset In bytes, a safe integer like the offset of the last byte.
 * @param room As long as the largest frame that the link takes.
 * @throws {RangeError} Where a number is outside its range, or there are more than
 * `DATA_BYTES_MAX` bytes.
 */
export function encodeData(
  stream: number,
  offset: number,
  bytes: Uint8Array,
  room: Uint8Array,
): Iterable<Uint8Array> {
  if (!Number.isInteger(stream) || stream < 0 || stream > 0xffff_ffff) {
    throw new RangeError(`Expected a stream number of 0 to 2^32 - 1, got ${stream}`);
  }
  if (offset < 0 || !Number.isSafeInteger(offset) || !Number.isSafeInteger(offset + bytes.length)) {
    throw new RangeError(`Expected an offset of 0 to 2^53 - 1, got ${offset}`);
  }
  if (bytes.length > DATA_BYTES_MAX) {
    throw new RangeError(`Expected at most ${DATA_BYTES_MAX} bytes of data, got ${bytes.length}`);
  }
  const partBytes = dataBytesIn(room.length);
  return dataFrames(stream, offset, bytes, { room, partBytes });
}

function* dataFrames(
  stream: number,
  offset: number,
  bytes: Uint8Array,
  { room, partBytes }: { readonly room: Uint8Array; readonly partBytes: number },
): Generator<Uint8Array> {
  const view = new DataView(room.buffer, room.byteOffset);
  for (let start = 0; start < bytes.length; start += partBytes) {
    const part = bytes.subarray(start, start + partBytes);
    view.setUint8(0, DATA);
    view.setUint32(1, stream);
    view.setBigUint64(5, BigInt(offset + start));
    room.set(part, DATA_HEADER_BYTES);
    yield room.subarray(0, DATA_HEADER_BYTES + part.length);
  }
}

/** Bytes of data that fill one frame of `frameBytesMax` bytes. */
export function dataBytesIn(frameBytesMax: number): number {
  return roomIn(frameBytesMax, DATA_HEADER_BYTES);
}

/** The frame that tells why the link is closed. A reason that is too long is cut. */
export function encodeBye(reason: string): Uint8Array {
  const frame = new Uint8Array(BYE_HEADER_BYTES + BYE_REASON_BYTES_MAX);
  frame[0] = BYE;
  // `encodeInto` stops before a character that does not fit.
  const { written } = new TextEncoder().encodeInto(reason, frame.subarray(BYE_HEADER_BYTES));
  return frame.subarray(0, BYE_HEADER_BYTES + written);
}

/**
 * Reads the frames of one link in the order in which they arrive. After a {@linkcode FrameError}
 * the link is of no more use.
 */
export class FrameReader {
  readonly #messageBytesMax: number;
  #fragments: Uint8Array[] = [];
  #fragmentBytes = 0;

  /** @param messageBytesMax The largest message to take, in bytes. */
  constructor(messageBytesMax: number = LINK_MESSAGE_BYTES_MAX) {
    this.#messageBytesMax = messageBytesMax;
  }

  /**
   * What `bytes`, one frame, says; `undefined` where it is a fragment and more must come.
   *
   * @throws {FrameError} Where it is malformed, or its message is too large.
   */
  read(bytes: Uint8Array): Frame | undefined {
    switch (bytes[0]) {
      case MESSAGE:
        return this.#readFragment(bytes);
      case DATA:
        return readData(bytes);
      case BYE:
        return readBye(bytes);
      default:
        throw new FrameError(
          bytes.length === 0
            ? "Expected a frame, got no bytes"
            : `Expected a frame of kind 1, 2 or 4, got kind ${bytes[0]}`,
        );
    }
  }

  #readFragment(bytes: Uint8Array): Frame | undefined {
    const mark = bytes[1];
    if (mark !== 0 && mark !== 1) {
      throw new FrameError(`Expected a fragment marked 0 or 1, got ${mark ?? "no mark"}`);
    }
    const part = bytes.subarray(MESSAGE_HEADER_BYTES);
    if (mark === 0 && part.length === 0) {
      throw new FrameError("Expected a fragment with text, got an empty one");
    }
    this.#fragmentBytes += part.length;
    if (this.#fragmentBytes > this.#messageBytesMax) {
      this.#fragments = [];
      throw new FrameError(`Expected a message of at most ${this.#messageBytesMax} bytes`);
    }
    this.#fragments.push(part);
    if (mark === 0) return undefined;
    const whole = new Uint8Array(this.#fragmentBytes);
    let start = 0;
    for (const fragment of this.#fragments) {
      whole.set(fragment, start);
      start += fragment.length;
    }
    this.#fragments = [];
    this.#fragmentBytes = 0;
    return { kind: "message", text: textOf(whole) };
  }
}

function readData(bytes: Uint8Array): Frame {
  if (bytes.length <= DATA_HEADER_BYTES) {
    throw new FrameError(`Expected data after ${DATA_HEADER_BYTES} bytes, got ${bytes.length}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const offset = Number(view.getBigUint64(5));
  const data = bytes.subarray(DATA_HEADER_BYTES);
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(offset + data.length)) {
    throw new FrameError("Expected an offset below 2^53, got a larger one");
  }
  return { kind: "data", stream: view.getUint32(1), offset, bytes: data };
}

function readBye(bytes: Uint8Array): Frame {
  if (bytes.length > BYE_HEADER_BYTES + BYE_REASON_BYTES_MAX) {
    throw new FrameError(`Expected a bye of at most ${BYE_REASON_BYTES_MAX} bytes`);
  }
  // Control characters would let a stranger forge lines of our log.
  const reason = textOf(bytes.subarray(BYE_HEADER_BYTES)).replace(/\p{C}+/gu, " ");
  return { kind: "bye", reason };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new FrameError("Expected UTF-8 text, got other bytes", { cause });
  }
}

function roomIn(frameBytesMax: number, headerBytes: number): number {
  if (!Number.isInteger(frameBytesMax) || frameBytesMax <= headerBytes) {
    throw new RangeError(`Expected frames of more than ${headerBytes} bytes, got ${frameBytesMax}`);
  }
  return frameBytesMax - headerBytes;
}
