/** A request that is not granted, in the form that clients of the HTTP interface read. */

import type { ContentfulStatusCode } from "hono/utils/http-status";
import { SECOND_MS } from "../lib/base/time.ts";

/** Why a request is not granted. */
export const HTTP_REFUSAL_CODES = [
  "BAD_REQUEST",
  "UNAUTHORIZED",
  /** Unknown room, wrong token and expired room alike. */
  "ROOM_REFUSED",
  "PEER_NOT_FOUND",
  "NOT_FOUND",
  "BODY_TOO_LARGE",
  "RATE_LIMITED",
  "SERVER_FULL",
  "SERVER_BUSY",
  "INTERNAL",
] as const;
/** Why a request is not granted. */
export type HttpRefusalCode = (typeof HTTP_REFUSAL_CODES)[number];

/** Thrown by a route, caught by the app, and answered as `{ error: { code, message } }`. */
export class HttpRefusal extends Error {
  override readonly name = "HttpRefusal";
  readonly status: ContentfulStatusCode;
  readonly code: HttpRefusalCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ContentfulStatusCode,
    code: HttpRefusalCode,
    message: string,
    options: ErrorOptions & { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
  }

  /** The body of the answer. */
  get body(): { readonly error: { readonly code: HttpRefusalCode; readonly message: string } } {
    return { error: { code: this.code, message: this.message } };
  }
}

/** Refuses somebody who has had enough for now of `what`, and says when there is more. */
export function tooMany(what: string, waitMs: number): HttpRefusal {
  const headers = retryAfter(waitMs);
  const text = `Expected fewer ${what}, got more; try again in ${headers["retry-after"]} s`;
  return new HttpRefusal(429, "RATE_LIMITED", text, { headers });
}

/** The header that says when to come back, in whole seconds as RFC 9110 wants them. */
export function retryAfter(waitMs: number): { readonly "retry-after": string } {
  return { "retry-after": String(Math.max(1, Math.ceil(waitMs / SECOND_MS))) };
}
