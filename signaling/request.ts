/** How an HTTP request becomes values: its body, its query and its credentials. Knows no route. */

import type { Context } from "hono";
import type { z } from "zod";
import { decode, type Decoded, decodeJson } from "../lib/protocol/decode.ts";
import type { Credentials } from "./authority.ts";
import type { Caller } from "./caller.ts";
import { HttpRefusal } from "./http_refusal.ts";

/** What each request brings besides itself. */
export interface AppEnv {
  Bindings: Caller;
}

/**
 * The decoded body. An empty one counts as `{}`, as the original's `/create-room` has it.
 *
 * @throws {HttpRefusal} 400 where it does not fit.
 */
export async function bodyOf<T>(c: Context<AppEnv>, schema: z.ZodType<T>): Promise<T> {
  const text = await c.req.text();
  return accepted(decodeJson(text === "" ? "{}" : text, schema));
}

/**
 * The decoded query.
 *
 * @throws {HttpRefusal} 400 where it does not fit.
 */
export function queryOf<T>(c: Context<AppEnv>, schema: z.ZodType<T>): T {
  return accepted(decode(c.req.query(), schema));
}

/** What the request shows to be let in; `token` is the one in its body. */
export function credentialsOf(c: Context<AppEnv>, token: string | undefined): Credentials {
  const bearer = /^Bearer +(\S+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
  return { bearer, token, address: c.env.address };
}

function accepted<T>(decoded: Decoded<T>): T {
  if (decoded.ok) return decoded.value;
  throw new HttpRefusal(400, "BAD_REQUEST", decoded.reason);
}
