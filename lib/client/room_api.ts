/**
 * What a client asks of the signaling server over HTTP: to sign in, to make, extend and look into
 * rooms. Knows the server's answers, and nothing of sockets and links.
 */

import { z } from "zod";
import type { RoomId } from "../base/id.ts";
import { formatDuration, SECOND_MS } from "../base/time.ts";
import { decodeJson } from "../protocol/decode.ts";
import { roomTokenSchema } from "../protocol/invite.ts";
import { roomIdSchema } from "../protocol/name.ts";
import { type Filters, type WorkerList, workerListSchema } from "../protocol/query.ts";
import { Failure } from "../base/failure.ts";

/** How long one answer may take. Higher: slow networks work; lower: a dead server is told sooner. */
const ANSWER_MS_MAX = 10 * SECOND_MS;
/** Bytes of one answer. Higher: a stranger's server makes us hold more; lower: long lists fail. */
const ANSWER_BYTES_MAX = 1024 * 1024;

/** A room as the server knows it. */
const createdRoomSchema = z.object({
  room_id: roomIdSchema,
  token: roomTokenSchema,
  name: z.string().max(200).nullish(),
  expires_at: z.int().nullable(),
});
const signedInSchema = z.object({ id_token: z.string().min(1).max(8_192) });
const extendedSchema = z.object({ room_id: roomIdSchema, expires_at: z.int().nullable() });
const errorSchema = z.object({
  error: z.object({ code: z.string().max(100), message: z.string().max(1_000) }),
});

/** A room that was just made. */
export interface CreatedRoom {
  readonly roomId: RoomId;
  /** Lets one into the room. The server keeps its digest only: this is the one time that it is told. */
  readonly token: string;
  /** Seconds since 1970 at which the room ends if it is empty; null for never. */
  readonly expiresAt: number | null;
  /** As whom we signed in to make it: the room's owner. */
  readonly idToken: string;
}

/** The parts of a room's access that the server may know. */
export interface RoomTicket {
  readonly server: string;
  readonly roomId: RoomId;
  readonly token: string;
}

/**
 * Signs in as nobody in particular, and returns the token that proves it.
 *
 * @throws {Failure} Where the server does not answer, or refuses.
 */
export async function signIn(server: string, signal?: AbortSignal): Promise<string> {
  const answer = await post({ server, path: "/anonymous-signin", body: {}, signal });
  return read(answer, signedInSchema, server).id_token;
}

/**
 * Makes a room. Its secret is not made here: the server must not know it.
 *
 * @param ttlSeconds How long the empty room stays; null for ever, undefined as the server sees fit.
 * @param idToken As whom; left out, we sign in for it.
 * @throws {Failure} Where the server does not answer, or refuses.
 */
export async function createRoom(
  server: string,
  options: {
    readonly name?: string | undefined;
    readonly ttlSeconds?: number | null | undefined;
    readonly idToken?: string;
    readonly signal?: AbortSignal;
  },
): Promise<CreatedRoom> {
  const { name, ttlSeconds, signal } = options;
  const bearer = options.idToken ?? await signIn(server, signal);
  const body = {
    ...(name === undefined ? {} : { name }),
    ...(ttlSeconds === undefined ? {} : { ttl_seconds: ttlSeconds }),
  };
  const answer = await post({ server, path: "/create-room", body, bearer, signal });
  const { room_id, token, expires_at } = read(answer, createdRoomSchema, server);
  return { roomId: room_id, token, expiresAt: expires_at, idToken: bearer };
}

/**
 * Lets a room live `bySeconds` longer, and returns the second since 1970 at which it ends; null for
 * never.
 *
 * @throws {Failure} Where the server does not answer, or refuses.
 */
export async function extendRoom(
  ticket: RoomTicket,
  { bySeconds, signal }: { readonly bySeconds: number; readonly signal?: AbortSignal },
): Promise<number | null> {
  const { server, roomId, token } = ticket;
  const body = { room_id: roomId, token, by_seconds: bySeconds };
  const answer = await post({ server, path: "/extend-room", body, signal });
  return read(answer, extendedSchema, server).expires_at;
}

/**
 * The workers of a room as the server last heard of them: for when no admin answers.
 *
 * @throws {Failure} Where the server does not answer, or refuses.
 */
export async function listWorkers(
  ticket: RoomTicket,
  filters: Filters,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<WorkerList> {
  const { server, roomId, token } = ticket;
  const body = { room_id: roomId, filters };
  const answer = await post({ server, path: "/discover-workers", body, bearer: token, signal });
  return read(answer, workerListSchema, server);
}

interface Question {
  readonly server: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly bearer?: string;
  readonly signal: AbortSignal | undefined;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post({ server, path, body, bearer, signal }: Question): Promise<Answer> {
  const deadline = new AbortController();
  const timer = setTimeout(
    () => deadline.abort(new Error(`No answer within ${formatDuration(ANSWER_MS_MAX)}`)),
    ANSWER_MS_MAX,
  );
  try {
    const response = await fetch(`${server}${path}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      },
      body: JSON.stringify(body),
      redirect: "error",
      signal: signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal]),
    });
    return { status: response.status, text: await readBounded(response, server) };
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    throw new Failure(
      "server_unreachable",
      `Expected a signaling server at ${server}, got no answer; check the address (--server or SLEAP_RTC_SERVER), or start one with \`sleap-rtc signal\``,
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
}

async function readBounded(response: Response, server: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > ANSWER_BYTES_MAX) {
      throw new Failure(
        "protocol",
        `Expected an answer of at most ${ANSWER_BYTES_MAX} bytes from ${server}, got more`,
      );
    }
    text += decoder.decode(piece, { stream: true });
  }
  return text + decoder.decode();
}

function read<T>({ status, text }: Answer, schema: z.ZodType<T>, server: string): T {
  if (status >= 200 && status < 300) {
    const decoded = decodeJson(text, schema);
    if (decoded.ok) return decoded.value;
    throw new Failure(
      "protocol",
      `Expected a sleap-rtc signaling server at ${server}, got an answer of another kind; check the address`,
      { cause: new Error(decoded.reason) },
    );
  }
  const refusal = decodeJson(text, errorSchema);
  if (!refusal.ok) {
    throw new Failure(
      "protocol",
      `Expected a sleap-rtc signaling server at ${server}, got HTTP status ${status}; check the address`,
    );
  }
  const { code, message } = refusal.value.error;
  throw new Failure(
    status >= 500 ? "server_unreachable" : "room_refused",
    `${message} (${code} from ${server})`,
  );
}
